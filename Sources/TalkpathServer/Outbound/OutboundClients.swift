/// Clients for many addresses, one for each scheme, host and port. They are kept while they are used, so that
/// connections are reused.
actor OutboundClients {
    private struct Place: Hashable {
        var scheme: OutboundURL.Scheme
        var host: String
        var port: Int

        init(_ url: OutboundURL) {
            scheme = url.scheme
            host = url.host
            port = url.port
        }
    }

    private struct Entry {
        var client: OutboundClient
        var uses = 0
        var lastUse = ContinuousClock.now
    }

    private let policy: OutboundAddressPolicy
    /// The most clients kept. Beyond that, unused clients are closed, the one unused for longest first.
    private let capacity: Int
    private var entries: [Place: Entry] = [:]
    private var isClosed = false

    init(policy: OutboundAddressPolicy, capacity: Int = 64) {
        self.policy = policy
        self.capacity = capacity
    }

    func withClient<Result: Sendable>(
        for url: OutboundURL,
        _ body: @Sendable (OutboundClient) async throws -> Result
    ) async throws -> Result {
        guard !isClosed else { throw CancellationError() }
        let place = Place(url)
        var entry = entries[place] ?? Entry(client: OutboundClient(url, policy: policy))
        entry.uses += 1
        entries[place] = entry
        do {
            let result = try await body(entry.client)
            await release(place)
            return result
        } catch {
            await release(place)
            throw error
        }
    }

    /// Fails the requests under way, and refuses new ones.
    func close() async {
        isClosed = true
        let all = entries.values.map(\.client)
        entries = [:]
        for client in all { await client.close() }
    }

    private func release(_ place: Place) async {
        entries[place]?.uses -= 1
        entries[place]?.lastUse = .now
        while entries.count > capacity {
            let unused = entries.filter { $0.value.uses == 0 }
            guard let oldest = unused.min(by: { $0.value.lastUse < $1.value.lastUse })?.key else { return }
            await entries.removeValue(forKey: oldest)?.client.close()
        }
    }
}
