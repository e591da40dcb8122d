import TalkpathAudio
import TalkpathCore
import TalkpathStore
import Testing

@testable import TalkpathServer

/// A call's loop publishes its events by a write to a buffer only.
@Suite struct EventRecorderTests {
    private static let call = CallID("one")

    private static func words(_ count: Int) -> [CallEvent] {
        (0..<count).map { CallEvent(callID: call, at: .milliseconds(20 * $0), kind: .answered) }
    }

    /// Neither a store that does not write nor a receiver that does not answer delays the loop: `publish` is not async,
    /// and this test reads no event. If `publish` waited for a reader, this test would never end.
    @Test(.timeLimit(.minutes(5)))
    func `without a reader the publisher goes on and its buffer is bounded`() {
        let recorder = EventRecorder(capacity: 100, clock: ManualClock())
        for event in Self.words(1000) { recorder.publish(event) }
        #expect(recorder.takeDropped() == 900)
        // Each is published as progress and as an event.
        #expect(recorder.takePending().count == 200)
        #expect(recorder.takePending().isEmpty)
    }

    @Test func `events that wait to be written again count as well`() {
        let recorder = EventRecorder(capacity: 100, clock: ManualClock())
        for event in Self.words(60) { recorder.publish(event) }
        let taken = recorder.takePending()
        recorder.putBack(taken)
        for event in Self.words(100) { recorder.publish(event) }
        #expect(recorder.takeDropped() == 100)
        #expect(recorder.takePending().count == taken.count)
    }

    @Test func `without kept words neither a turn nor its correction is stored`() {
        let recorder = EventRecorder(keepsTranscripts: false, clock: ManualClock())
        let turn = TranscriptEntry(speaker: .agent, text: "My PIN is 4711", milliseconds: 1, heardMilliseconds: 1)
        for kind in [CallEvent.Kind.transcript(turn), .transcriptCorrected(turn)] {
            recorder.publish(CallEvent(callID: Self.call, at: .seconds(1), kind: kind))
        }
        #expect(!recorder.takePending().contains { if case .event = $0 { true } else { false } })
    }

    @Test func `the end of a call is stored even if the buffer is full`() throws {
        let recorder = EventRecorder(capacity: 10, clock: ManualClock())
        for event in Self.words(10) { recorder.publish(event) }
        let receipt = try #require(EndedCalls.call("one").receipt)
        recorder.publish(CallEvent(callID: Self.call, at: .seconds(1), kind: .ended(receipt)))
        #expect(recorder.takeDropped() == 0)
        let entries = recorder.takePending()
        #expect(entries.contains { if case .timeline(Self.call, _) = $0 { true } else { false } })
    }
}
