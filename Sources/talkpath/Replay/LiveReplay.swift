import ArgumentParser
import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathSimulation
import TalkpathSimulators
import TalkpathWire

/// `talkpath replay --against`: plays the carrier's side of a capture to a live server.
struct LiveReplay {
    let file: String
    let url: String
    let wav: String?

    func run() async throws {
        let capture: Capture
        do {
            capture = try Replay(file).capture
        } catch {
            ReplayCommand.complain(error.description)
            throw ExitCode(2)
        }
        let (messages, streamSID) = Self.messages(of: capture)
        guard !messages.isEmpty else {
            ReplayCommand.complain("\(file): there is no media stream in this capture")
            throw ExitCode(2)
        }
        let outcome: MediaStreamDriver.Outcome
        do {
            outcome = try await MediaStreamDriver.play(messages, streamSID: streamSID, to: url)
        } catch {
            ReplayCommand.complain("\(error)")
            throw ExitCode(1)
        }
        try report(outcome, messages.count)
    }

    private func report(_ outcome: MediaStreamDriver.Outcome, _ count: Int) throws {
        let played = outcome.heard.count / 8
        print("sent \(outcome.sentMessages) of \(count) messages in real time to \(url)")
        print(
            "the server sent \(outcome.mediaMessages) media messages, \(outcome.marks) marks and \(outcome.clears) clears; \(played) ms were listened to"
        )
        if let code = outcome.closeCode { print("it closed the socket with \(code)") }
        for violation in outcome.violations.prefix(10) { print("not of the protocol: \(violation)") }
        if let wav {
            try ReplayFile.write(
                WAV.encode(channels: [outcome.heard.map(MuLaw.decode)], sampleRate: 8000),
                to: wav
            )
        }
        let isAnswered = outcome.mediaMessages > 0
        if !isAnswered { print("nothing was heard from the server") }
        if !outcome.violations.isEmpty || !isAnswered { throw ExitCode(1) }
    }

    /// Returns the carrier's messages without its mark echoes, because the echoes must answer the live server's own
    /// marks.
    private static func messages(of capture: Capture) -> ([MediaStreamDriver.Message], String) {
        var messages = [
            MediaStreamDriver.Message(
                at: .zero,
                text: Array(#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#.utf8)
            )
        ]
        var began: Duration?
        var streamSID = ""
        for record in capture.records where record.kind == .telephonyIn {
            guard let text = record.message?.bytes else { continue }
            let words = String(decoding: text.prefix(200), as: UTF8.self)
            if words.contains(#""event":"mark""#) { continue }
            if began == nil {
                began = record.at
                streamSID = Self.streamSID(in: words)
            }
            let sent = words.contains(#""event":"start""#) ? Self.withoutParameters(text) : text
            messages.append(.init(at: record.at - (began ?? .zero), text: sent))
        }
        return began == nil ? ([], "") : (messages, streamSID)
    }

    /// Removes the custom parameters. The captured call's token is used up and is not in the capture; a server in
    /// development takes a stream without a token for a new call.
    private static func withoutParameters(_ text: [UInt8]) -> [UInt8] {
        guard var message = try? JSONValue(parsing: text), var start = message["start"] else { return text }
        start.set("customParameters", .object([]))
        message.set("start", start)
        return message.serialized()
    }

    private static func streamSID(in text: String) -> String {
        guard let name = text.range(of: #""streamSid":""#) else { return "" }
        return String(text[name.upperBound...].prefix { $0 != "\"" })
    }
}
