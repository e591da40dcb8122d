import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Sends requests to one address that a tenant or the operator has named, within an ``OutboundAddressPolicy``.
///
/// The name is resolved again after ``lifetime``. Connections go to the address that was checked then, under the name
/// for TLS, and are reused for a while. When the name leads elsewhere, requests under way finish on the old
/// connections, and new requests use new ones. A refused connection is reported at once; the caller of this client
/// decides whether to try again. Follows no redirects. Must be closed.
actor OutboundClient {
    struct Answer: Sendable {
        var status: Int
        var headers: [(name: String, value: String)]
        /// The beginning of the body.
        var body: [UInt8]

        func header(_ name: String) -> String? {
            headers.first { $0.name.lowercased() == name }?.value
        }
    }

    /// Connections to one checked address.
    private final class Pinned {
        let address: String
        let client: HTTPClient
        /// The time when the address was last checked.
        var since = ContinuousClock.now
        var requests = 0
        /// True if new requests use another one.
        var isRetired = false

        init(address: String, client: HTTPClient) {
            self.address = address
            self.client = client
        }
    }

    /// The scheme, host and port matter. Each request brings its own path.
    nonisolated let url: OutboundURL
    private let policy: OutboundAddressPolicy
    private let lifetime: Duration
    private var pinned: Pinned?
    private var isClosed = false

    static let longestBody = 1 << 20

    init(_ url: OutboundURL, policy: OutboundAddressPolicy, lifetime: Duration = .seconds(30)) {
        self.url = url
        self.policy = policy
        self.lifetime = lifetime
    }

    /// - Parameter place: another address with the same scheme, host and port.
    func post(
        _ body: [UInt8],
        to place: OutboundURL? = nil,
        headers: [(name: String, value: String)],
        timeout: Duration,
        upTo longest: Int = OutboundClient.longestBody
    ) async throws -> Answer {
        let place = place ?? url
        precondition(place.hasSameOrigin(as: url), "a client is for one place")
        let pinned = try await connections()
        pinned.requests += 1
        do {
            let answer = try await Self.post(body, to: place, headers, timeout, upTo: longest, over: pinned.client)
            await finished(pinned)
            return answer
        } catch {
            await finished(pinned)
            throw error
        }
    }

    /// Fails the requests under way, and refuses new ones.
    func close() async {
        isClosed = true
        let old = pinned
        pinned = nil
        try? await old?.client.shutdown()
    }

    private static func post(
        _ body: [UInt8],
        to place: OutboundURL,
        _ headers: [(name: String, value: String)],
        _ timeout: Duration,
        upTo longest: Int,
        over client: HTTPClient
    ) async throws -> Answer {
        var request = OutboundHTTP.request(.POST, place.text, headers: headers)
        request.body = .bytes(ByteBuffer(bytes: body))
        let (head, body) = try await OutboundHTTP.answer(to: request, over: client, timeout: timeout, upTo: longest)
        return Answer(
            status: Int(head.status.code),
            headers: head.headers.map { (name: $0.name, value: $0.value) },
            body: body
        )
    }

    // MARK: Connections

    private func connections() async throws -> Pinned {
        if let pinned, ContinuousClock.now - pinned.since < lifetime { return pinned }
        let addresses = try await policy.addresses(of: url).compactMap(\.ipAddress)
        guard !isClosed else { throw CancellationError() }
        // Another request may have resolved the name meanwhile. This result is newer, so it decides.
        if let known = pinned, addresses.contains(known.address) {
            known.since = .now
            return known
        }
        let old = pinned
        // A proxy must connect to the checked address, not to the name.
        var configuration =
            url.scheme.isSecure ? OutboundHTTP.configuration(for: url.host, port: url.port) : OutboundHTTP.configuration
        configuration.dnsOverride = [url.host: addresses[0]]
        // A receiver that hangs can hold up this many requests. None of them waits for another's connection.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = EndpointWorker.width
        let new = Pinned(
            address: addresses[0],
            client: HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        )
        pinned = new
        if let old {
            old.isRetired = true
            await closeIfUnused(old)
        }
        return new
    }

    private func finished(_ pinned: Pinned) async {
        pinned.requests -= 1
        await closeIfUnused(pinned)
    }

    private func closeIfUnused(_ pinned: Pinned) async {
        guard pinned.isRetired, pinned.requests == 0 else { return }
        try? await pinned.client.shutdown()
    }
}
