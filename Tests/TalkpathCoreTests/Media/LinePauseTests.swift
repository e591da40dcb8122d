import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

/// Silence for a line that brings no audio.
struct LinePauseTests {
    private static let most = LinePause.longest.wholeMilliseconds

    /// The silence given within that time after the latest audio, tick by tick.
    private func given(_ pause: inout LinePause, after start: Int, for milliseconds: Int) -> [Int] {
        stride(from: start + 20, through: start + milliseconds, by: 20).map {
            pause.missing(at: .at(milliseconds: $0))
        }
    }

    @Test func `a line that has brought nothing yet, or pauses for a moment, is given nothing`() {
        var pause = LinePause()
        #expect(given(&pause, after: 0, for: 2000).allSatisfy { $0 == 0 })
        pause.ended(at: .at(milliseconds: 2000))
        #expect(given(&pause, after: 2000, for: 980).allSatisfy { $0 == 0 })
    }

    @Test func `a longer pause is given silence in real time, up to a bound, and each pause anew`() {
        var pause = LinePause()
        for start in [0, 60_000] {
            pause.ended(at: .at(milliseconds: start))
            #expect(given(&pause, after: start, for: 1000).last == 1000)
            #expect(given(&pause, after: start + 1000, for: 2000).allSatisfy { $0 == 20 })
            let rest = given(&pause, after: start + 3000, for: 30_000)
            #expect(rest.reduce(3000, +) == Self.most && rest.last == 0)
        }
    }

    @Test func `a stall of our own is not made up for at once`() {
        var pause = LinePause()
        pause.ended(at: .at(milliseconds: 0))
        #expect(pause.missing(at: .at(milliseconds: 5000)) == 1000)
        #expect(pause.missing(at: .at(milliseconds: 5020)) == 20)
    }

    @Test func `a caller whose line falls silent has finished, for the model and for our own ear`() throws {
        let media = try CallMedia(
            plan: MediaPlan(provider: .openai, agentInput: .telephony, agentOutput: .telephony)
        )
        let (carrier, agent) = (SpySink(), SpySink())
        media.telephonyOpened(carrier)
        media.agentOpened(agent)
        media.agentIsReady(at: .at(milliseconds: 0))
        func says(_ text: String, at milliseconds: Int) {
            let bytes = Array(text.utf8)
            media.telephonyReceived(bytes.span.bytes, at: .at(milliseconds: milliseconds))
            media.pump()
        }
        says(
            #"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","callSid":"CA1","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#,
            at: 0
        )
        let loud = (0..<160).map { UInt8($0 % 2 == 0 ? 0x90 : 0x10) }.base64
        for frame in 0..<50 {
            says(
                #"{"event":"media","sequenceNumber":"\#(frame + 2)","streamSid":"MZ1","media":{"track":"inbound","timestamp":"\#(frame * 20)","payload":"\#(loud)"}}"#,
                at: frame * 20
            )
        }
        _ = agent.take()
        var heard: [VoiceActivityDetector.Transition] = []
        var silence = 0
        for time in stride(from: 1000, to: 4000, by: 20) {
            media.tick(at: .at(milliseconds: time))
            media.pump()
            heard += media.takeEvents().compactMap { if case .callerVoice(let change) = $0 { change } else { nil } }
            for message in agent.take() {
                let audio = [UInt8](base64: (try? JSONValue(parsing: message))?["audio"]?.string ?? "")
                #expect(audio.allSatisfy { $0 == AudioFormat.telephony.silenceByte })
                silence += audio.count / 8
            }
        }
        #expect(heard == [.speechStarted, .speechEnded])
        #expect((2900...3020).contains(silence))
        #expect(media.uplink.counters.fedMilliseconds == silence)
    }
}
