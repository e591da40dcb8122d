package import NIOCore

/// The rules for addresses that tenants name: webhooks, gateways, functions.
///
/// Outside development, a connection must be encrypted and must lead to the public Internet. A name may lead elsewhere
/// at the next look-up. So the name is resolved, *all* its addresses are checked, and the connection is made to one of
/// the checked addresses. The client must refuse redirects.
package struct OutboundAddressPolicy: Sendable {
    package typealias Resolver = @Sendable (_ host: String, _ port: Int) async throws -> [SocketAddress]

    /// True if `http` and `ws` are allowed.
    package var allowsPlain: Bool
    /// True if addresses outside the public Internet are allowed.
    package var allowsPrivate: Bool
    private let resolver: Resolver

    package init(
        allowsPlain: Bool = false,
        allowsPrivate: Bool = false,
        resolver: @escaping Resolver = SystemResolver.resolve
    ) {
        self.allowsPlain = allowsPlain
        self.allowsPrivate = allowsPrivate
        self.resolver = resolver
    }

    package static let strict = OutboundAddressPolicy()
    /// For development on one machine.
    package static let development = OutboundAddressPolicy(allowsPlain: true, allowsPrivate: true)

    /// Checks an address without resolving its name.
    package func parse(_ text: String) throws(OutboundAddressError) -> OutboundURL {
        let url = try OutboundURL(text)
        guard allowsPlain || url.scheme.isSecure else {
            throw OutboundAddressError(code: .plain, message: "must begin with https:// or wss://")
        }
        if let literal = try? SocketAddress(ipAddress: url.host, port: url.port) { try judge([literal]) }
        return url
    }

    /// Returns the addresses that may be connected to now. Call this when an address is registered, and again for every
    /// new connection, which must use one of these.
    package func addresses(of url: OutboundURL) async throws(OutboundAddressError) -> [SocketAddress] {
        let addresses: [SocketAddress]
        do {
            addresses = try await resolver(url.host, url.port)
        } catch {
            throw OutboundAddressError(code: .cannotBeResolved, message: "leads nowhere: its name is not known")
        }
        guard !addresses.isEmpty else {
            throw OutboundAddressError(code: .cannotBeResolved, message: "leads nowhere: its name has no address")
        }
        try judge(addresses)
        return addresses
    }

    /// One address that is not public makes the name unfit. Only an attack on the internal network needs such a name.
    private func judge(_ addresses: [SocketAddress]) throws(OutboundAddressError) {
        guard allowsPrivate || addresses.allSatisfy(PublicAddress.isPublic) else {
            throw OutboundAddressError(code: .notPublic, message: "leads to an address that is not a public one")
        }
    }
}

/// Distinguishes public addresses from special ones, by IANA's special-purpose registries (RFC 6890 and its
/// successors).
package enum PublicAddress {
    package static func isPublic(_ address: SocketAddress) -> Bool {
        switch address {
        case .v4(let address):
            // Family and port take four bytes, on every system.
            let value = withUnsafeBytes(of: address.address) { $0[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } }
            return !specialIPv4.contains { value >> (32 - $0.length) == $0.prefix >> (32 - $0.length) }
        case .v6(let address):
            // Family, port and flow take eight bytes. The first half of the address decides.
            let value = withUnsafeBytes(of: address.address) { $0[8..<16].reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
            // Global unicast is 2000::/3. All other addresses are local or special, or contain an IPv4 address.
            guard value >> 61 == 1 else { return false }
            return !specialIPv6.contains { value >> (64 - $0.length) == $0.prefix >> (64 - $0.length) }
        case .unixDomainSocket:
            return false
        }
    }

    private static let specialIPv4: [(prefix: UInt32, length: UInt32)] = [
        (0x0000_0000, 8),  // this network
        (0x0A00_0000, 8),  // private
        (0x6440_0000, 10),  // shared by carriers
        (0x7F00_0000, 8),  // loopback
        (0xA9FE_0000, 16),  // link-local, and the clouds' metadata services
        (0xAC10_0000, 12),  // private
        (0xC000_0000, 24),  // protocol assignments
        (0xC000_0200, 24),  // documentation
        (0xC058_6300, 24),  // 6to4 relays
        (0xC0A8_0000, 16),  // private
        (0xC612_0000, 15),  // benchmarks
        (0xC633_6400, 24),  // documentation
        (0xCB00_7100, 24),  // documentation
        (0xE000_0000, 3),  // multicast, reserved, broadcast
    ]

    private static let specialIPv6: [(prefix: UInt64, length: UInt64)] = [
        (0x2001_0000_0000_0000, 23),  // protocol assignments, Teredo
        (0x2001_0DB8_0000_0000, 32),  // documentation
        (0x2002_0000_0000_0000, 16),  // 6to4: an IPv4 address in disguise
        (0x3FFF_0000_0000_0000, 20),  // documentation
    ]
}
