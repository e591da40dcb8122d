import NIOCore
import Synchronization
import TalkpathAudio
import Testing

@testable import TalkpathServer

/// The addresses to which a tenant may send the server.
@Suite struct OutboundAddressTests {
    private static func addresses(_ texts: [String]) throws -> [SocketAddress] {
        try texts.map { try SocketAddress(ipAddress: $0, port: 443) }
    }

    @Test(arguments: [
        // Loopback, unspecified, private, carriers', link-local and the clouds' metadata, multicast, broadcast.
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "100.64.0.1", "169.254.169.254", "169.254.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1", "192.0.0.1", "240.0.0.1",
        // The same addresses in IPv6, and disguised IPv4: mapped, compatible, translated, 6to4, Teredo.
        "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1",
        "::ffff:169.254.169.254", "::7f00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::",
    ])
    func `an address outside the internet is refused, also behind a name`(address: String) async throws {
        let literal = address.contains(":") ? "[\(address)]" : address
        #expect(throws: OutboundAddressError.self) { try OutboundAddressPolicy.strict.parse("https://\(literal)/") }
        let policy = OutboundAddressPolicy { _, _ in try Self.addresses([address]) }
        let url = try policy.parse("https://hooks.example.test/")
        let error = await #expect(throws: OutboundAddressError.self) { try await policy.addresses(of: url) }
        #expect(error?.code == .notPublic)
    }

    @Test(arguments: ["93.184.216.34", "172.15.0.1", "172.32.0.1", "100.128.0.1", "169.253.1.1", "2606:4700::1111"])
    func `an address on the internet is accepted`(address: String) async throws {
        let policy = OutboundAddressPolicy { _, _ in try Self.addresses([address]) }
        let url = try policy.parse("https://hooks.example.test/")
        #expect(try await policy.addresses(of: url).map(\.ipAddress) == [address])
    }

    @Test func `a name with one inside address is refused`() async throws {
        let policy = OutboundAddressPolicy { _, _ in try Self.addresses(["93.184.216.34", "10.0.0.1"]) }
        let url = try policy.parse("https://hooks.example.test/")
        await #expect(throws: OutboundAddressError.self) { try await policy.addresses(of: url) }
    }

    @Test(arguments: [
        "http://a.example.test/", "ws://a.example.test/", "ftp://a.example.test/", "file:///etc/passwd", "",
        "https://", "https://user@a.example.test/", "https://user:pass@a.example.test/", "https://a.example.test/#x",
        "https://a.example.test:0/", "https://a.example.test:65536/", "https://a.example.test:8x/", "https://[::1/",
        "https://a.example.test\\@127.0.0.1/", "https://a.exämple.test/", "https://a.example.test/\r\nHost: b",
        "https://fe80::1%25eth0/", "https://a b/",
    ])
    func `an invalid address is refused`(text: String) {
        #expect(throws: OutboundAddressError.self) { try OutboundAddressPolicy.strict.parse(text) }
    }

    /// Numbers that libraries read as addresses. The resolver's result is judged.
    @Test(arguments: [
        "https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/", "https://localhost/",
    ])
    func `other spellings of loopback are refused`(text: String) async throws {
        let policy = OutboundAddressPolicy.strict
        await #expect(throws: OutboundAddressError.self) { _ = try await policy.addresses(of: policy.parse(text)) }
    }

    @Test func `a name that later resolves to an inside address gets no more requests`() async throws {
        let looks = Atomic(0)
        let policy = OutboundAddressPolicy(allowsPlain: true) { _, _ async throws in
            let isFirst = looks.add(1, ordering: .relaxed).oldValue == 0
            return try Self.addresses([isFirst ? "93.184.216.34" : "127.0.0.1"])
        }
        try await Receiver.run { receiver async throws in
            let url = try policy.parse("http://rebound.example.test:\(receiver.port)/")
            // It had another address when it was registered.
            _ = try await policy.addresses(of: url)
            let client = OutboundClient(url, policy: policy)
            let error = await #expect(throws: OutboundAddressError.self) {
                _ = try await client.post([], headers: [], timeout: .seconds(5))
            }
            #expect(error?.code == .notPublic)
            await client.close()
        }
    }

    @Test func `a request under way goes on when its name gets another address`() async throws {
        let looks = Atomic(0)
        let policy = OutboundAddressPolicy(allowsPlain: true, allowsPrivate: true) { _, port async throws in
            let isFirst = looks.add(1, ordering: .relaxed).oldValue == 0
            return [try SocketAddress(ipAddress: isFirst ? "127.0.0.1" : "127.0.0.254", port: port)]
        }
        let gate = Gate()
        try await Receiver.run(answer: { _ in
            await gate.pass()
            return .init()
        }) { receiver async throws in
            let url = try policy.parse("http://moving.example.test:\(receiver.port)/")
            let client = OutboundClient(url, policy: policy, lifetime: .zero)
            async let first = client.post([1], headers: [], timeout: .seconds(30))
            _ = try await receiver.next()
            // No server listens there.
            await #expect(throws: (any Error).self) { try await client.post([2], headers: [], timeout: .seconds(30)) }
            gate.open()
            let answer = try? await first
            #expect(answer?.status == 200)
            #expect(looks.load(ordering: .relaxed) == 2)
            await client.close()
        }
    }

    @Test func `the connection goes to the judged address, even if the name resolves to another`() async throws {
        let policy = OutboundAddressPolicy(allowsPlain: true, allowsPrivate: true) { _, port in
            [try SocketAddress(ipAddress: "127.0.0.1", port: port)]
        }
        try await Receiver.run { receiver async throws in
            // Only our resolver knows this name.
            let url = try policy.parse("http://only-here.invalid:\(receiver.port)/x")
            let client = OutboundClient(url, policy: policy)
            #expect(try await client.post([1], headers: [], timeout: .seconds(5)).status == 200)
            let message = try await receiver.next()
            #expect(message.path == "/x" && message.body == [1])
            await client.close()
        }
    }
}
