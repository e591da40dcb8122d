import TalkpathAudio
import TalkpathWire

@testable import TalkpathSimulators

/// The repository's recordings and conversations.
let fixtures = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/fixtures"

extension MonotonicInstant {
    static func milliseconds(_ count: Int) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: Int64(count) * 1_000_000)
    }
}

/// µ-law of a loud tone, as the agent's voice.
func loud(milliseconds: Int, number: Int = 0) -> [UInt8] {
    // A steady tone: no pauses between syllables.
    SyntheticSpeech.samples(number: number, lasting: .milliseconds(100), rate: 8000).prefix(400).repeated(
        toCount: milliseconds * 8
    ).map(MuLaw.encode)
}

extension Collection {
    func repeated(toCount count: Int) -> [Element] {
        (0..<count).map { self[index(startIndex, offsetBy: $0 % self.count)] }
    }
}

extension JSONValue {
    init(_ bytes: [UInt8]) {
        do { self = try JSONValue(parsing: bytes) } catch { self = .string("not JSON: \(error)") }
    }
}

extension MediaStreamModel {
    static let identity = Identity(
        accountSID: "AC1",
        callSID: "CA1",
        streamSID: "MZ1",
        parameters: [.init(name: "token", value: "t")]
    )

    init(script: PhoneScript = .silent) {
        self.init(identity: Self.identity, script: script, start: .milliseconds(0))
    }

    mutating func receive(_ text: String, at milliseconds: Int, isText: Bool = true) {
        receive(Array(text.utf8).span.bytes, isText: isText, at: .milliseconds(milliseconds))
    }

    mutating func receive(audio: [UInt8], at milliseconds: Int) {
        let payload = PlainBase64.encode(audio)
        receive(#"{"event":"media","streamSid":"MZ1","media":{"payload":"\#(payload)"}}"#, at: milliseconds)
    }

    /// The messages sent since the last time, without the audio.
    mutating func takeMessages(withAudio: Bool = false) -> [JSONValue] {
        var messages: [JSONValue] = []
        for case .send(let message) in takeOutputs() { messages.append(JSONValue(message)) }
        return withAudio ? messages : messages.filter { $0["event"]?.string != "media" }
    }
}

extension AgentModel {
    mutating func receive(_ text: String, at milliseconds: Int) {
        received(Array(text.utf8).span.bytes, isText: true, at: .milliseconds(milliseconds))
    }

    /// The messages sent since the last time.
    mutating func takeMessages() -> [JSONValue] {
        var messages: [JSONValue] = []
        for case .send(let message, _) in takeOutputs() { messages.append(JSONValue(message)) }
        return messages
    }

    mutating func takeCloses() -> [Int] {
        takeOutputs().compactMap { output in
            if case .close(let code, _) = output { code } else { nil }
        }
    }
}
