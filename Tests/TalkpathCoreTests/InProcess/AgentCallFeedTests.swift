import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

/// The queues between a call's lane and an in-process agent.
@Suite struct AgentCallFeedTests {
    private let feed = AgentCallFeed(input: .pcm16k, output: .pcm16k)

    private static func frame(_ number: Int) -> [Int16] {
        (0..<320).map { Int16(truncatingIfNeeded: number &* 320 &+ $0) }
    }

    private func give(_ samples: [Int16]) -> Bool {
        samples.withUnsafeBytes { feed.take(audio: $0.bytes) }
    }

    private func tell(_ json: JSONValue) -> AgentCallFeed.Told { feed.take(text: json.serialized().span.bytes) }

    private func call(_ line: any AgentLine = DeadLine()) -> AgentCall {
        AgentCall(start: AgentCallStart([:]), source: feed.source, line: line)
    }

    /// Takes nothing.
    private struct DeadLine: AgentLine {
        func send(_ message: AgentLineMessage) async throws { throw AgentCallIsOver() }
    }

    /// Takes everything, and tells of it.
    private struct OpenLine: AgentLine {
        let messages: AsyncStream<AgentLineMessage>.Continuation

        func send(_ message: AgentLineMessage) async throws { messages.yield(message) }
    }

    @Test func `a reader that waits gets every sample in order, and the end after the last one`() async {
        let audio = call().callerAudio
        let (turns, turn) = AsyncStream.makeStream(of: Void.self)
        async let heard = {
            var heard: [Int16] = []
            turn.yield()
            for await chunk in audio {
                heard += chunk
                turn.yield()
            }
            return heard
        }()
        var number = 0
        for await _ in turns {
            // Sometimes one frame, sometimes several at once.
            for _ in 0...(number % 3) where number < 2000 {
                #expect(give(Self.frame(number)))
                number += 1
            }
            if number >= 2000 { break }
        }
        feed.finish()
        let samples = await heard
        let isWhole = samples == (0..<number).flatMap(Self.frame)
        #expect(isWhole)
    }

    @Test func `audio that is not read is kept for ten seconds, and whole frames are dropped after that`() async {
        var kept = 0
        while kept < 2000, give(Self.frame(kept)) { kept += 1 }
        #expect(kept >= 500 && kept < 1000)
        #expect(!give(Self.frame(7)))
        feed.finish()
        var heard: [Int16] = []
        for await chunk in call().callerAudio {
            #expect(chunk.count <= 3200)
            heard += chunk
        }
        let isWhole = heard == (0..<kept).flatMap(Self.frame)
        #expect(isWhole)
    }

    @Test func `a second reader ends the first, and a cancelled one ends itself`() async {
        let audio = call().callerAudio
        let (ends, end) = AsyncStream.makeStream(of: String.self)
        let one = Task {
            for await _ in audio {}
            end.yield("one")
        }
        let two = Task {
            for await _ in audio {}
            end.yield("two")
        }
        var first: String?
        for await name in ends {
            if first == nil {
                first = name
                (name == "one" ? two : one).cancel()
                continue
            }
            #expect(name != first)
            break
        }
    }

    @Test func `events tell the place in the caller's audio, and an interruption the milliseconds heard`() async {
        _ = give(Self.frame(0))
        #expect(tell(["type": "caller_started"]) == .nothing)
        _ = give(Self.frame(1))
        #expect(tell(["type": "caller_stopped"]) == .nothing)
        #expect(tell(["type": "cancel", "response": "3"]) == .cancel(response: 3))
        #expect(tell(["type": "interrupted", "response": "3", "heard_ms": 840]) == .nothing)
        #expect(tell(["type": "news", "of": "the future"]) == .nothing)
        #expect(tell(["type": "dtmf", "digit": "#"]) == .nothing)
        #expect(tell(["type": "mark_played", "name": "m", "cut": true]) == .nothing)
        #expect(tell(["type": "message", "role": "system", "text": "Hurry.", "respond": true]) == .nothing)
        #expect(
            tell(["type": "ended", "reason": "caller_hangup", "duration_ms": 9, "talking_ms": 7]) == .nothing
        )
        feed.finish()
        var events: [AgentCallEvent] = []
        for await event in call().events { events.append(event) }
        #expect(
            events == [
                .callerStarted(sample: 320), .callerStopped(sample: 640), .cancelled(response: 3),
                .interrupted(response: 3, heardMilliseconds: 840), .digit("#"), .markPlayed("m", wasCut: true),
                .message(role: .system, text: "Hurry.", wantsAnswer: true),
                .ended(AgentCallEnd(reason: "caller_hangup", durationMilliseconds: 9, talkingMilliseconds: 7)),
            ]
        )
    }

    @Test func `an agent that reads no events is found out at the bound`() {
        for _ in 0..<AgentCall.mostEvents { #expect(tell(["type": "say", "text": "Hello."]) == .nothing) }
        #expect(tell(["type": "say", "text": "Hello."]) == .full)
    }

    @Test func `a function's result reaches the one who asked, and the end all who still ask`() async throws {
        let (messages, sent) = AsyncStream.makeStream(of: AgentLineMessage.self)
        let call = call(OpenLine(messages: sent))
        async let first = call.call(function: "look_up", arguments: ["day": 3])
        let second = Task { try await call.call(function: "look_up") }
        var ids: [String] = []
        for await message in messages {
            guard case .text(let text) = message else { continue }
            let json = try JSONValue(parsing: text)
            let id = try #require(json["id"]?.string)
            ids.append(id)
            if json["arguments"]?["day"] == 3 {
                _ = tell(["type": "tool_result", "id": .string(id), "output": "open"])
            }
            if ids.count == 2 { break }
        }
        let result = try await first
        #expect(result == "open")
        feed.finish()
        await #expect(throws: AgentCallIsOver.self) { _ = try await second.value }
        #expect(Set(ids).count == 2)
    }

    @Test func `long speech is sent piece by piece, and a response ends as its body does`() async throws {
        let (messages, sent) = AsyncStream.makeStream(of: AgentLineMessage.self)
        let call = call(OpenLine(messages: sent))
        let samples = (0..<20_000).map { Int16(truncatingIfNeeded: $0) }
        let isWhole = try await call.respond { try await $0.send(samples) }
        let isCut = try await !call.respond { _ in throw AgentSpeechInterrupted() }
        #expect(isWhole && isCut)
        await #expect(throws: CancellationError.self) { try await call.respond { _ in throw CancellationError() } }
        await #expect(throws: AgentCallIsOver.self) { try await call.respond { _ in throw AgentCallIsOver() } }
        sent.finish()
        var pieces: [[Int16]] = []
        var words: [String] = []
        for await message in messages {
            switch message {
            case .audio(let piece, let response):
                #expect(response == 1)
                pieces.append(piece)
            case .begin(let response, _): words.append("begin \(response)")
            case .end(_, let text): words.append(try JSONValue(parsing: text)["status"]?.string ?? "")
            case .text: Issue.record("no other message was to be sent")
            }
        }
        #expect(pieces.map(\.count) == [8000, 8000, 4000] && pieces.flatMap(\.self) == samples)
        #expect(words == ["begin 1", "completed", "begin 2", "cancelled", "begin 3", "cancelled", "begin 4", "failed"])
    }
}
