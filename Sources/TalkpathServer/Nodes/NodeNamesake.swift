import TalkpathStore

extension Nodes {
    /// Looks whether another living process has this node's name: it answers at the node's address, or its heartbeats go on.
    /// To begin a life under that name would end the calls of that process.
    ///
    /// - Throws: ``ConfigurationError`` if there is one.
    func requireOwnName() async throws {
        var known = try await namesakes()
        for node in known where await client.isAlive(node.epoch, at: configuration.url, from: epoch) {
            throw sameName
        }
        // The address may lead each of two machines to itself. A process that has died a moment ago sends no heartbeat.
        while known.contains(where: { !$0.isLate && $0.silence < Self.beat * 3 }) {
            try await Task.sleep(for: Self.beat / 2)
            let now = try await namesakes()
            let hasBeaten = now.contains { node in
                known.contains { $0.epoch == node.epoch && node.silence < $0.silence }
            }
            guard !hasBeaten else { throw sameName }
            known = now
        }
    }

    private func namesakes() async throws -> [StoredNode] {
        let own = epoch
        return try await registry.nodes().filter { $0.id == configuration.id && $0.epoch != own }
    }

    private var sameName: ConfigurationError {
        ConfigurationError([
            .init(
                Setting.nodeURL.rawValue,
                "belongs to a node that lives, \(configuration.id): give each node an address of its own, or stop that node first"
            )
        ])
    }
}
