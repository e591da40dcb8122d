import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Sends requests to one place that somebody else has named, within an ``OutboundAddressPolicy``.
///
/// The name is looked up anew after ``lifetime``, and connections go to the address that was judged then, under the
/// name for TLS. Follows no redirect. To be closed.
actor OutboundClient {
    struct Answer: Sendable {
        var status: Int
        var headers: [(name: String, value: String)]
        /// Its beginning.
        var body: [UInt8]

        func header(_ name: String) -> String? {
            headers.first { $0.name.lowercased() == name }?.value
        }
    }

    private struct Pinned {
        var address: String
        var client: HTTPClient
        var since: ContinuousClock.Instant
    }

    nonisolated let url: OutboundURL
    private let policy: OutboundAddressPolicy
    private let lifetime: Duration
    private var pinned: Pinned?

    static let longestBody = 1 << 20

    init(_ url: OutboundURL, policy: OutboundAddressPolicy, lifetime: Duration = .seconds(30)) {
        self.url = url
        self.policy = policy
        self.lifetime = lifetime
    }

    func post(
        _ body: [UInt8],
        headers: [(name: String, value: String)],
        timeout: Duration,
        upTo longest: Int = OutboundClient.longestBody
    ) async throws -> Answer {
        let client = try await client()
        var request = HTTPClientRequest(url: url.text)
        request.method = .POST
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(ByteBuffer(bytes: body))
        let response = try await client.execute(request, timeout: TimeAmount(timeout))
        let start = try await response.body.collect(upTo: longest)
        return Answer(
            status: Int(response.status.code),
            headers: response.headers.map { (name: $0.name, value: $0.value) },
            body: Array(start.readableBytesView)
        )
    }

    func close() async {
        let old = pinned
        pinned = nil
        try? await old?.client.shutdown()
    }

    private func client() async throws -> HTTPClient {
        if let pinned, ContinuousClock.now - pinned.since < lifetime { return pinned.client }
        let addresses = try await policy.addresses(of: url).compactMap(\.ipAddress)
        if let known = pinned, addresses.contains(known.address) {
            pinned?.since = .now
            return known.client
        }
        await close()
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(5)
        configuration.dnsOverride = [url.host: addresses[0]]
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        pinned = Pinned(address: addresses[0], client: client, since: .now)
        return client
    }
}
