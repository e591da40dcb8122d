import HTTPTypes
import TalkpathWire

/// The proof that a request comes from another node: an HMAC over what it asks, of whom, for whom, and when.
struct NodeSignature: Sendable {
    /// The content that is signed.
    struct Subject: Equatable, Sendable {
        /// The epoch of the node that sends the request.
        var from: Int64
        /// The epoch of the node that is to answer. Another life of the same node must not.
        var to: Int64
        /// The tenant whose key the first node has checked. Empty for the carrier's requests, which the second node
        /// checks itself.
        var tenant: String
        /// Seconds since 1970.
        var time: Int64
        var method: String
        /// The path with its query.
        var target: String
        var body: [UInt8]
    }

    private let key: [UInt8]

    /// The most seconds between the clocks of two nodes.
    private static let patience: Int64 = 300

    init(secret: String) {
        key = Array(secret.utf8)
    }

    func sign(_ subject: Subject) -> String {
        let text = """
            talkpath node 1
            \(subject.from)
            \(subject.to)
            \(TalkpathCrypto.hexadecimal(Array(subject.tenant.utf8)))
            \(subject.time)
            \(subject.method)
            \(subject.target)
            \(TalkpathCrypto.hexadecimal(TalkpathCrypto.sha256(subject.body)))
            """
        return TalkpathCrypto.hexadecimal(TalkpathCrypto.hmacSHA256(key: key, message: Array(text.utf8)))
    }

    func isValid(_ signature: String, of subject: Subject, at now: Int64) -> Bool {
        Self.isFresh(subject.time, at: now) && TalkpathCrypto.areEqual(signature, sign(subject))
    }

    /// True if a request of this time may still be answered. Both are in seconds since 1970; `time` is the peer's.
    static func isFresh(_ time: Int64, at now: Int64) -> Bool {
        (now - patience...now + patience).contains(time)
    }

    /// The headers that carry a signature.
    func headers(_ subject: Subject) -> [(name: String, value: String)] {
        [
            (HTTPField.Name.nodeFrom.rawName, String(subject.from)),
            (HTTPField.Name.nodeTo.rawName, String(subject.to)),
            (HTTPField.Name.nodeTenant.rawName, TalkpathCrypto.hexadecimal(Array(subject.tenant.utf8))),
            (HTTPField.Name.nodeTime.rawName, String(subject.time)),
            (HTTPField.Name.nodeSignature.rawName, sign(subject)),
        ]
    }

    /// Reads the tenant from its header.
    static func tenant(_ hexadecimal: String) -> String? {
        let digits = Array(hexadecimal.utf8)
        guard digits.count.isMultiple(of: 2), digits.count <= 2000 else { return nil }
        var bytes: [UInt8] = []
        for place in stride(from: 0, to: digits.count, by: 2) {
            let pair = String(decoding: digits[place..<place + 2], as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16) else { return nil }
            bytes.append(byte)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension HTTPField.Name {
    static let nodeFrom = Self("Talkpath-Node-From")!
    static let nodeTo = Self("Talkpath-Node-To")!
    static let nodeTenant = Self("Talkpath-Node-Tenant")!
    static let nodeTime = Self("Talkpath-Node-Time")!
    static let nodeSignature = Self("Talkpath-Node-Signature")!
}
