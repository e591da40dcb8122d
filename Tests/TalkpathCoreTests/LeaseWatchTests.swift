import TalkpathAudio
import TalkpathCore
import Testing

/// When a node may believe that others have lost their leases.
@Suite struct LeaseWatchTests {
    private static func at(_ milliseconds: Int) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: 0) + .milliseconds(milliseconds)
    }

    private static func watch(_ beats: [(begun: Int, ended: Int)]) -> LeaseWatch {
        var watch = LeaseWatch(lease: .milliseconds(2500), longestGap: .milliseconds(1500))
        for beat in beats { watch.succeeded(begun: at(beat.begun), ended: at(beat.ended)) }
        return watch
    }

    private static func steady(from start: Int, to end: Int) -> [(begun: Int, ended: Int)] {
        stride(from: start, through: end, by: 500).map { ($0, $0 + 2) }
    }

    @Test func `after a whole lease of heartbeats without a gap it may`() {
        #expect(!Self.watch(Self.steady(from: 0, to: 2000)).mayBelieve)
        #expect(Self.watch(Self.steady(from: 0, to: 2500)).mayBelieve)
    }

    @Test func `after a failure, a gap or a slow answer it waits for another lease`() {
        var failed = Self.watch(Self.steady(from: 0, to: 5000))
        failed.failed()
        #expect(!failed.mayBelieve)
        for beat in Self.steady(from: 5500, to: 7500) {
            failed.succeeded(begun: Self.at(beat.begun), ended: Self.at(beat.ended))
        }
        #expect(!failed.mayBelieve)
        failed.succeeded(begun: Self.at(8000), ended: Self.at(8002))
        #expect(failed.mayBelieve)
        #expect(!Self.watch(Self.steady(from: 0, to: 5000) + [(15_000, 15_001)]).mayBelieve, "it was stopped itself")
        #expect(!Self.watch(Self.steady(from: 0, to: 5000) + [(5500, 8000)]).mayBelieve)
    }
}
