import Foundation
import TalkpathAudio
import TalkpathServer
import TalkpathSimulators
import TalkpathWire

/// Plays calls with a model that behaves like real models, and measures how long the caller waits for answers. Prints
/// all events if there is only one call.
struct BehaviourSoak {
    let provider: AgentProvider
    let seed: UInt64

    /// The longest acceptable wait for an answer.
    static let longestWait = Duration.seconds(12)

    /// The caller's wait for the agent, or for the end of the call.
    private struct Wait {
        var call: Int
        /// The time since the stream's beginning.
        var at: Duration
        var length: Duration
    }

    /// - Returns: true if no caller waited too long, every call has a receipt, and nothing is left of the calls.
    func run(calls: Int, atOnce: Int) async throws -> Bool {
        let stage = try await start(isTold: calls == 1)
        var reasons: [String: Int] = [:]
        let watch = Task { await Self.stalls() }
        defer { watch.cancel() }
        try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<calls {
                if number >= atOnce, let reason = try await group.next() { reasons[reason, default: 0] += 1 }
                group.addTask { try await play(on: stage) }
            }
            for try await reason in group { reasons[reason, default: 0] += 1 }
        }
        let remains = try await stage.settle(within: .seconds(45))
        let records = await stage.twilio.records()
        try await stage.shutDown()
        watch.cancel()
        let stalls = await watch.value
        let waits = records.enumerated().flatMap { number, record in self.waits(of: record, number, without: stalls) }
        let lost = stalls.reduce(Duration.zero) { $0 + ($1.upperBound - $1.lowerBound) }
        if !stalls.isEmpty {
            print("the machine stood still for \((lost.milliseconds / 1000).formatted(1)) s, which count for nothing")
        }
        report(calls, waits, reasons)
        let tooLong = waits.filter { $0.length > Self.longestWait }
        if !remains.isClean { print("SOMETHING IS LEFT: \(remains)") }
        return tooLong.isEmpty && remains.isClean && reasons["none", default: 0] == 0
    }

    /// - Parameter isTold: true if all events are printed.
    private func start(isTold: Bool) async throws -> SoakStage {
        let timeline = isTold ? SimulatorTimeline(handler: Narration.print) : SimulatorTimeline()
        // Lower and longer than the sounds that a model may take for noise.
        let question = SyntheticSpeech.samples(number: 1, lasting: .milliseconds(1400), rate: 8000)
        let turns = (0..<4).map { number in
            PhoneScript.Turn(.agentEnds(after: .milliseconds(600)), .speech(question), patience: .seconds(20))
        }
        let caller = PhoneScript(turns: turns, ending: .hangsUpWhenAgentEnds(after: .milliseconds(800)))
        var answer = SyntheticSpeech.agentTurn(.request, number: 2, lasting: .milliseconds(1600))
        answer.transcript = "This is what the agent says"
        let greeting = SyntheticSpeech.agentTurn(.connect, number: 0, lasting: .seconds(1))
        return try await SoakStage.start(
            provider,
            SoakPlan(seed: seed),
            model: FakeAgentConfiguration(
                apiKey: "key",
                script: AgentScript(turns: [greeting], otherwise: answer),
                behaviours: .random(seed: seed),
                keepsAudio: false,
                timeline: timeline
            ),
            carrier: FakeTwilioConfiguration(
                behavior: CallBehavior(outcome: .answers(ringing: .milliseconds(100)), party: .person(caller)),
                keepsAudio: false,
                timeline: timeline
            ),
            settings: ["TALKPATH_MAX_DURATION_S": "90"]
        )
    }

    /// - Returns: why the call has ended.
    private func play(on stage: SoakStage) async throws -> String {
        let order: JSONValue = ["to": "+15550100199", "prompt": "Be brief.", "first_message": "Good morning."]
        let placed = try await stage.api.post("/api/calls", order)
        guard placed.status == 201, let id = placed.body["call_id"]?.string else { return "refused" }
        let record = try await stage.record(of: id, within: 120)
        return record["receipt"]?["ended_reason"]?.string ?? "none"
    }

    /// Records when the whole process got no processor time, so that those times can be deducted.
    private static func stalls() async -> [ClosedRange<MonotonicInstant>] {
        let clock = SimulatorClock()
        var stalls: [ClosedRange<MonotonicInstant>] = []
        var last = clock.now()
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(50))
            let now = clock.now()
            if now - last > .milliseconds(500) { stalls.append(last...now) }
            last = now
        }
        return stalls
    }

    private func waits(
        of record: CallRecord,
        _ number: Int,
        without stalls: [ClosedRange<MonotonicInstant>]
    ) -> [Wait] {
        guard let stream = record.streams.first else { return [] }
        let end = record.statuses.last?.instant ?? stream.start
        var waits: [Wait] = []
        // The caller waits for the greeting, and for an answer after each of their own turns.
        var since: MonotonicInstant? = stream.start
        func note(until instant: MonotonicInstant) {
            guard let begun = since else { return }
            since = nil
            let lost = stalls.reduce(Duration.zero) { sum, stall in
                sum + max(.zero, min(instant, stall.upperBound) - max(begun, stall.lowerBound))
            }
            waits.append(Wait(call: number, at: begun - stream.start, length: instant - begun - lost))
        }
        for moment in stream.moments {
            switch moment.event {
            case .startedTurn, .agentHeard, .hungUp: note(until: moment.instant)
            case .endedTurn: since = moment.instant
            case .agentFellSilent, .pressed: break
            }
        }
        note(until: end)
        return waits
    }

    private func report(_ calls: Int, _ waits: [Wait], _ reasons: [String: Int]) {
        let ended = reasons.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        print("\(calls) calls, \(provider.rawValue), a mix of behaviours, seed \(seed)")
        print("ended: " + ended.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        let lengths = waits.map(\.length).sorted()
        func at(_ share: Double) -> String {
            guard !lengths.isEmpty else { return "–" }
            return (lengths[min(lengths.count - 1, Int(Double(lengths.count) * share))].milliseconds / 1000).formatted(
                1
            )
        }
        print("callers waited \(lengths.count) times: median \(at(0.5)) s, 95 % \(at(0.95)) s, longest \(at(1)) s")
        for wait in waits.filter({ $0.length > Self.longestWait }).prefix(20) {
            let (length, begun) = (wait.length.milliseconds / 1000, wait.at.milliseconds / 1000)
            print("  TOO LONG: call \(wait.call), \(length.formatted(1)) s from \(begun.formatted(1)) s on")
        }
    }
}
