import TalkpathAudio

/// The audio format that a part's media type states, such as `audio/pcm;rate=24000`.
enum GeminiMIMEType: Equatable {
    case audio(AudioFormat)
    /// Audio in a format that Talkpath does not support.
    case unsupported
    case notAudio

    static let supportedRates = [8000, 16000, 24000, 48000]
    /// The rate that the provider uses if it states none.
    private static let defaultRate = 24000

    init(_ text: UnsafeBufferPointer<UInt8>) {
        let end = text.firstIndex(of: UInt8(ascii: ";")) ?? text.count
        guard Self.matches(text[0..<end], "audio/pcm") else {
            let isAudio = text.count >= 6 && Self.matches(text[0..<6], "audio/")
            self = isAudio ? .unsupported : .notAudio
            return
        }
        guard let rate = Self.rate(text[end...]), Self.supportedRates.contains(rate) else {
            self = .unsupported
            return
        }
        self = .audio(AudioFormat(encoding: .pcm16, sampleRate: rate))
    }

    /// - Parameter parameters: the text after the type, from its first semicolon on.
    /// - Returns: `nil` if the rate is not a number.
    private static func rate(_ parameters: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
        var rest = parameters
        while !rest.isEmpty {
            rest = rest.dropFirst()
            let end = rest.firstIndex(of: UInt8(ascii: ";")) ?? rest.endIndex
            let parameter = rest[..<end]
            rest = rest[end...]
            var begin = parameter.startIndex
            while begin < end, parameter[begin] == UInt8(ascii: " ") { begin += 1 }
            guard begin + 5 <= end, matches(parameter[begin..<(begin + 5)], "rate=") else { continue }
            return number(parameter[(begin + 5)...])
        }
        return defaultRate
    }

    private static func number(_ digits: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
        guard !digits.isEmpty, digits.count <= 7 else { return nil }
        var value = 0
        for byte in digits {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }

    /// Compares without regard to case; `word` must be in lower case.
    private static func matches(_ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ word: StaticString) -> Bool {
        guard bytes.count == word.utf8CodeUnitCount else { return false }
        for (offset, byte) in bytes.enumerated() {
            let lowered = byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
            if lowered != word.utf8Start[offset] { return false }
        }
        return true
    }
}
