import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

/// Responses in which the caller can hear nothing.
struct ResponseSoundTests {
    /// The end of a response of Gemini's whose audio has these amplitudes, 200 ms each.
    private func end(of amplitudes: [Int16], after first: [Int16] = []) throws -> [AgentResponseEnd] {
        let media = try CallMedia(plan: MediaPlan(provider: .gemini, agentInput: .pcm16k, agentOutput: .pcm24k))
        let agent = SpySink()
        media.agentOpened(agent)
        func says(_ text: String) {
            let bytes = Array(text.utf8)
            media.agentReceived(bytes.span.bytes, at: .at(milliseconds: 0))
        }
        for turn in [first, amplitudes] where !turn.isEmpty {
            for amplitude in turn {
                let samples = (0..<4800).flatMap { index -> [UInt8] in
                    let value = UInt16(bitPattern: index / 24 % 2 == 0 ? amplitude : -amplitude)
                    return [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
                }
                says(
                    #"{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"\#(samples.base64)"}}]}}}"#
                )
            }
            says(#"{"serverContent":{"turnComplete":true}}"#)
        }
        return media.takeEvents().compactMap { if case .agent(.responseEnded(let end)) = $0 { end } else { nil } }
    }

    @Test func `an answer that is silent from end to end has failed`() throws {
        let silent = AgentResponseEnd(status: .failed, reason: "silent_audio")
        #expect(try end(of: [0, 0, 0, 0]) == [silent])
        #expect(try end(of: [2, 2, 2, 2]) == [silent])
        // Each response is judged by itself.
        #expect(try end(of: [0, 0, 0, 0], after: [8000]) == [AgentResponseEnd(status: .completed), silent])
    }

    @Test func `an answer with a sound in it, or too short to tell, is one`() throws {
        for amplitudes: [Int16] in [[0, 0, 0, 800], [800, 0, 0, 0], [200, 200, 200, 200], [0, 0]] {
            #expect(try end(of: amplitudes) == [AgentResponseEnd(status: .completed)], "\(amplitudes)")
        }
    }
}
