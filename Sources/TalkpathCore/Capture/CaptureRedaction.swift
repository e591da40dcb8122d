import TalkpathWire

/// Removes from a capture what must not be written: keys, tokens, telephone numbers, account names.
///
/// Every occurrence of a secret is replaced, in the messages of both sockets and in the call's facts, always by the
/// same text. So a replay, which starts from that text, sends it where the call sent the secret.
struct CaptureRedaction: Sendable {
    private struct Secret: Sendable {
        var text: [UInt8]
        var replacement: [UInt8]
    }

    private var secrets: [Secret] = []
    /// The same secrets in one array, one after the other, to search a message without accessing an array for each.
    private var watched: [UInt8] = []
    /// The end of each secret in `watched`.
    private var watchedEnds: [Int] = []
    /// True if some secret could be taken for audio.
    private var mayLookLikeAudio = false
    private var handles = 0
    private var hasStarted = false

    /// The shortest secret, in bytes, that is replaced; shorter ones would match by chance.
    private static let shortest = 5

    init(secrets: [String]) {
        for secret in secrets {
            add(secret, "[removed]")
            // The same number, written without its plus sign.
            if secret.hasPrefix("+") { add(String(secret.dropFirst()), "[removed]") }
        }
    }

    private mutating func add(_ secret: String, _ replacement: String) {
        let text = Array(secret.utf8)
        guard text.count >= Self.shortest, !secrets.contains(where: { $0.text == text }) else { return }
        secrets.append(Secret(text: text, replacement: Array(replacement.utf8)))
        watched += text
        watchedEnds.append(watched.count)
        if text.count >= CaptureMessage.shortestAudio, text.allSatisfy(Self.isOfAudio) { mayLookLikeAudio = true }
        // A secret that contains another one must be replaced first.
        secrets.sort { $0.text.count > $1.text.count }
    }

    mutating func clean(_ message: CaptureMessage, _ kind: CaptureRecord.Kind) -> CaptureMessage {
        if kind == .telephonyIn, !hasStarted, Self.find(Self.startMark, in: message.prefix[...]) != nil {
            learnStart(message)
        }
        if kind == .agentIn, Self.handleMarks.contains(where: { Self.find($0, in: message.prefix[...]) != nil }) {
            learnHandle(message)
        }
        var message = message
        if hidesSecret(message) { message = message.unpacked }
        message.prefix = clean(message.prefix)
        message.suffix = clean(message.suffix)
        return message
    }

    /// True if the message's audio is really a long secret, such as a token.
    private func hidesSecret(_ message: CaptureMessage) -> Bool {
        guard let longest = secrets.first, longest.text.count >= CaptureMessage.shortestAudio,
            (1..<2048).contains(message.audioByteCount), let bytes = message.bytes
        else { return false }
        return secrets.contains {
            $0.text.count >= CaptureMessage.shortestAudio && Self.find($0.text, in: bytes[...]) != nil
        }
    }

    func clean(_ text: [UInt8]) -> [UInt8] {
        var text = text
        for secret in secrets {
            guard var place = Self.find(secret.text, in: text[...]) else { continue }
            var cleaned: [UInt8] = []
            var kept = 0
            while true {
                cleaned += text[kept..<place]
                cleaned += secret.replacement
                kept = place + secret.text.count
                guard let next = Self.find(secret.text, in: text[kept...]) else { break }
                place = next
            }
            text = cleaned + text[kept...]
        }
        return text
    }

    /// True for characters of Base64 audio; a message with other characters stays text.
    private static func isOfAudio(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="):
            true
        default: false
        }
    }

    private static let startMark = Array("\"start\":".utf8)
    private static let handleMarks = [Array("\"newHandle\":".utf8), Array("\"resume\"".utf8)]

    /// The index of the first occurrence of `sought`.
    private static func find(_ sought: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
        text.withUnsafeBytes { bytes in
            sought.withUnsafeBytes { ByteSearch.first($0, in: bytes) }.map { text.startIndex + $0 }
        }
    }

    // MARK: Looking first

    /// True if ``clean(_:_:)`` may have to change the message, or to learn a secret from it. May be true without need.
    func concerns(_ message: UnsafeRawBufferPointer, _ kind: CaptureRecord.Kind) -> Bool {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        return concerns(message, nothing, nothing, kind)
    }

    /// - Parameter text: the part of the message that looks like audio.
    func concerns(
        _ prefix: UnsafeRawBufferPointer,
        _ text: UnsafeRawBufferPointer,
        _ suffix: UnsafeRawBufferPointer,
        _ kind: CaptureRecord.Kind
    ) -> Bool {
        func stands(_ mark: StaticString) -> Bool {
            let mark = UnsafeRawBufferPointer(start: mark.utf8Start, count: mark.utf8CodeUnitCount)
            return ByteSearch.first(mark, in: prefix) != nil || ByteSearch.first(mark, in: suffix) != nil
        }
        if kind == .telephonyIn, !hasStarted, stands("\"start\":") { return true }
        if kind == .agentIn, stands("Handle\"") || stands("\"resume\"") { return true }
        return watched.withUnsafeBytes { watched in
            var begin = 0
            for end in watchedEnds {
                let secret = UnsafeRawBufferPointer(rebasing: watched[begin..<end])
                begin = end
                if ByteSearch.first(secret, in: prefix) != nil || ByteSearch.first(secret, in: suffix) != nil {
                    return true
                }
                if mayLookLikeAudio, secret.count >= CaptureMessage.shortestAudio, text.count < Self.longestDisguise,
                    ByteSearch.first(secret, in: text) != nil
                {
                    return true
                }
            }
            return false
        }
    }

    /// The longest text, in characters, that may be a secret: 2048 bytes and more are audio.
    private static let longestDisguise = 2732

    /// Learns the account's name from the stream's `start`, and the parameters that our own instructions gave it, such
    /// as the token.
    private mutating func learnStart(_ message: CaptureMessage) {
        guard let json = message.bytes.flatMap({ try? JSONValue(parsing: $0) }), let start = json["start"] else {
            return
        }
        hasStarted = true
        if let account = start["accountSid"]?.string { add(account, "AC" + String(repeating: "0", count: 32)) }
        for (_, value) in start["customParameters"]?.object ?? [] {
            if let value = value.string { add(value, "[removed]") }
        }
    }

    /// Learns a handle that resumes a conversation with the model. With a key it gives access to the conversation.
    private mutating func learnHandle(_ message: CaptureMessage) {
        guard let json = message.bytes.flatMap({ try? JSONValue(parsing: $0) }),
            let handle = json["sessionResumptionUpdate"]?["newHandle"]?.string ?? json["resume"]?.string
        else { return }
        guard !secrets.contains(where: { $0.text == Array(handle.utf8) }) else { return }
        handles += 1
        add(handle, "handle-\(handles)")
    }
}
