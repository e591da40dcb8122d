import TalkpathWire
import Testing

@testable import TalkpathCore

@Suite struct CaptureRedactionTests {
    private static func text(of bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func texts(_ body: (CaptureTap) -> Void) throws -> [String] {
        var bench = CaptureBench(.test(secrets: ["+15551230001", "sk-very-secret", ""]))
        body(bench.tap)
        bench.write()
        #expect(!text(of: bench.file).contains("15551230001"))
        return try Capture(reading: bench.file).records.map { record in
            record.message?.bytes.map(text(of:)) ?? record.event?.json.serializedText() ?? ""
        }
    }

    @Test func `tokens and accounts of the stream are replaced everywhere`() throws {
        let token = String(repeating: "dG9rZW4t", count: 12)
        let texts = try Self.texts { tap in
            tap.telephony(
                #"{"event":"start","start":{"accountSid":"AC123456789","customParameters":{"token":"\#(token)"}}}"#,
                at: 1
            )
            tap.telephony(#"{"event":"stop","stop":{"accountSid":"AC123456789"}}"#, at: 2)
            tap.toAgent(#"{"say":"\#(token)"}"#)
        }
        #expect(texts[0].contains(#""token":"[removed]""#))
        #expect(!texts.contains { $0.contains(token) || $0.contains("AC123456789") })
        #expect(texts[1].contains("AC00000000000000000000000000000000"))
    }

    @Test func `numbers are replaced in messages and in facts alike`() throws {
        let texts = try Self.texts { tap in
            tap.toAgent(#"{"instructions":"Call back +15551230001. Or 15551230001, or +15551230001!"}"#)
            tap.note(.published("transcript", detail: "my number is +15551230001"), at: CaptureBench.at(1))
        }
        #expect(texts[0] == #"{"instructions":"Call back [removed]. Or [removed], or [removed]!"}"#)
        #expect(texts[1].contains("my number is [removed]"))
    }

    @Test func `a handle that continues a conversation has the same name in both directions`() throws {
        let first = "first-handle-of-some-length"
        let second = TalkpathCrypto.base64([UInt8](repeating: 77, count: 90))
        let texts = try Self.texts { tap in
            tap.agent(#"{"sessionResumptionUpdate":{"newHandle":"\#(first)","resumable":true}}"#, at: 1)
            tap.agent(#"{"sessionResumptionUpdate":{"newHandle":"\#(second)","resumable":true}}"#, at: 2)
            tap.toAgent(#"{"setup":{"sessionResumption":{"handle":"\#(second)"}}}"#)
        }
        #expect(texts[0].contains(#""newHandle":"handle-1""#))
        #expect(texts[2] == #"{"setup":{"sessionResumption":{"handle":"handle-2"}}}"#)
    }

    @Test func `a redacted capture is redacted again without change`() {
        var redaction = CaptureRedaction(secrets: ["[removed]"])
        let message = CaptureMessage(prefix: Array(#"{"sessionResumptionUpdate":{"newHandle":"handle-1"}}"#.utf8))
        #expect(redaction.clean(message, .agentIn) == message)
        #expect(redaction.clean(Array("[removed]".utf8)) == Array("[removed]".utf8))
    }
}
