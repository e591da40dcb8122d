import Foundation
import Testing

@testable import TalkpathWire

/// The limits on the part of a peer's message that is kept.
@Suite struct JSONBoundsTests {
    private let bounds = JSONBounds(keys: ["a", "list", "deep"], whole: ["all"], mostValues: 20)

    private func read(_ text: String) throws(WireError) -> JSONValue {
        try JSONValue(parsing: Array(text.utf8).span.bytes, within: bounds)
    }

    @Test func `members with unknown keys are dropped at every level`() throws {
        let text = #"{"x":[1,{"a":2}],"a":{"y":0,"a":3},"list":[{"z":1,"a":4}],"all":{"y":{"z":5}},"z":{}}"#
        #expect(try read(text) == ["a": ["a": 3], "list": [["a": 4]], "all": ["y": ["z": 5]]])
    }

    @Test func `a key with escapes equals the key without them`() throws {
        #expect(try read(#"{"\u0061":1,"\u0062":2,"\u0061ll":{"\u0062":2}}"#) == ["a": 1, "all": ["b": 2]])
    }

    @Test(arguments: [
        #"{"x":[1,}"#, #"{"x":"\q"}"#, #"{"x":01}"#, #"{"x":tru}"#, "{\"x\":\"\u{1}\"}", #"{"x":1}}"#, #"{"x" 1}"#,
    ])
    func `skipped members must be valid JSON too`(text: String) {
        #expect { try read(text) } throws: { ($0 as? WireError)?.code == .malformedJSON }
    }

    @Test func `too many values are refused and members with unknown keys do not count`() throws {
        let unknown = (0..<1000).map { #""k\#($0)":[1,2]"# }.joined(separator: ",")
        #expect(try read("{\(unknown),\"a\":1}") == ["a": 1])
        let list = (0..<18).map(String.init).joined(separator: ",")
        #expect(try read(#"{"list":[\#(list)]}"#)["list"]?.array?.count == 18)
        for text in [
            #"{"list":[\#(list),18]}"#, #"{"all":{\#(unknown)}}"#,
            #"{"a":1\#(String(repeating: #","a":1"#, count: 20))}"#,
        ] {
            #expect { try read(text) } throws: { ($0 as? WireError)?.code == .malformedMessage }
        }
    }

    /// Without its key in the bounds, a member that a codec reads would always be missing.
    @Test(arguments: [
        ("OpenAIRealtime/OpenAIRealtimeCodec+Parsing.swift", OpenAIRealtimeCodec.bounds),
        ("GeminiLive/GeminiLiveCodec+Parsing.swift", GeminiLiveCodec.bounds),
        ("TwilioMediaStreams/TwilioMediaStreamsCodec+Parsing.swift", TwilioMediaStreamsCodec.bounds),
        ("AgentSocket/AgentSocketCodec+Parsing.swift", AgentSocketCodec.bounds),
    ])
    func `every key that a codec reads is kept`(file: String, bounds: JSONBounds) throws {
        let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/TalkpathWire")
        let text = try String(contentsOf: sources.appendingPathComponent(file), encoding: .utf8)
        let reads = text.matches(of: #/(?:\[|requiredName\(|format\()"([A-Za-z_]+)"[\],]/#).map { String($0.1) }
        let read = reads + ["delta", "transcript", "text"]
        #expect(read.count > 10)
        for key in read where file.contains("OpenAI") || !["delta", "transcript"].contains(key) {
            if file.contains("Twilio"), key == "text" { continue }
            if file.contains("OpenAI"), key == "text" { continue }
            let message = try JSONValue(parsing: Array(#"{"\#(key)":1}"#.utf8).span.bytes, within: bounds)
            #expect(message[key] != nil, "\(file) reads \(key)")
        }
    }

    @Test func `a long text is cut between characters`() {
        #expect(PeerWords.cut("abc", to: 3) == "abc")
        #expect(PeerWords.cut("abcd", to: 3) == "abc")
        #expect(PeerWords.cut("aéé", to: 4) == "aé")
        #expect(PeerWords.cut("a😀😀", to: 8) == "a😀")
    }

    @Test func `a transcript of megabytes is cut and the echo of a huge configuration is read`() throws {
        var codec = OpenAIRealtimeCodec()
        var events: [AgentEvent] = []
        let words = String(repeating: #"word\n"#, count: 500_000)
        let transcript =
            #"{"type":"response.output_audio_transcript.done","item_id":"i","transcript":"\#(words)"}"#
        try codec.receive(Array(transcript.utf8).span.bytes, into: &events)
        guard case .agentTranscript(let piece) = events.last else {
            Issue.record("\(events.count) events")
            return
        }
        #expect(piece.text.utf8.count <= PeerWords.longestTranscript && piece.isFinal)
        let tools = (0..<20_000).map { #"{"name":"t\#($0)","parameters":{}}"# }.joined(separator: ",")
        let update = #"{"type":"session.updated","session":{"tools":[\#(tools)]}}"#
        events = []
        try codec.receive(Array(update.utf8).span.bytes, into: &events)
        #expect(events == [.ready])
    }
}
