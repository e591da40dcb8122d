import ArgumentParser
import Foundation
import TalkpathAudio
import TalkpathSimulators
import TalkpathWire

/// `talkpath-bench soak`: plays many calls with faults over real sockets, and looks for leaks.
struct BenchSoakCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "Play many calls with random faults over real sockets, and look for leaks.",
        discussion: """
            Real sockets on loopback: the server in this process, a carrier and a model that delay, refuse, break off and \
            fall silent, at random moments that the seed decides. Afterwards descriptors, threads, sessions and sockets \
            must be back to where they began, and every call that was placed must have its receipt.

            With --behaviours nothing breaks. Instead the model plays what real models do, up to three of its behaviours \
            in each session (simulate openai --help), and a caller asks it things: no caller may wait in silence for more \
            than 12 s.
            """
    )

    @Option(help: "How many calls.")
    var calls = 200

    @Option(help: "How many at once.")
    var atOnce = 40

    @Option(help: "The faults, and when they come.")
    var seed: UInt64 = 1

    @Option(help: "openai, openai_live, gemini or socket.")
    var provider = AgentProvider.openai

    @Flag(help: "Let the model play a mix of its behaviours, and see how long callers wait.")
    var behaviours = false

    private struct Metrics {
        var descriptors: Int
        var threads: Int
        var memoryKilobytes: Int

        static func now() -> Metrics {
            Metrics(
                descriptors: count("/proc/self/fd"),
                threads: count("/proc/self/task"),
                memoryKilobytes: residentKilobytes()
            )
        }

        private static func count(_ folder: String) -> Int {
            ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).count
        }

        private static func residentKilobytes() -> Int {
            let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
            let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
            return line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0
        }
    }

    func run() async throws {
        guard !behaviours else {
            guard try await BehaviourSoak(provider: provider, seed: seed).run(calls: calls, atOnce: atOnce) else {
                throw ExitCode.failure
            }
            return
        }
        // A first round that is not counted: the process opens the descriptors and threads that it keeps.
        let warm = try await round(calls: min(calls, 20), isShown: false)
        let before = Metrics.now()
        let began = ContinuousClock.now
        let (outcome, remains) = try await round(calls: calls, isShown: isatty(STDERR_FILENO) != 0)
        let after = try await settled(before)
        let seconds = (ContinuousClock.now - began).milliseconds / 1000
        let reasons = outcome.ended.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        print("\(calls) calls, \(atOnce) at once, \(provider.rawValue), seed \(seed): \(seconds.formatted(1)) s")
        print("ended: " + reasons.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        print("refused by the carrier \(outcome.refused), not confirmed in time \(outcome.unconfirmed)")
        print("                       before   after")
        show("descriptors", before.descriptors, after.descriptors)
        show("threads", before.threads, after.threads)
        show("sessions", 0, remains.sessions)
        show("model sockets", 0, remains.modelSockets)
        show("calls at the carrier", 0, remains.callsAtCarrier)
        show("calls without receipt", 0, outcome.unfinished)
        show("resident kB", before.memoryKilobytes, after.memoryKilobytes)
        let isClean =
            after.descriptors <= before.descriptors && after.threads <= before.threads && remains.isClean
            && outcome.unfinished == 0 && warm.0.unfinished == 0
        print(isClean ? "back to where it began" : "SOMETHING IS LEFT")
        if !isClean { throw ExitCode.failure }
    }

    private func show(_ name: String, _ before: Int, _ after: Int) {
        func cell(_ value: Int) -> String { String(repeating: " ", count: max(0, 8 - "\(value)".count)) + "\(value)" }
        print(name.padding(toLength: 21, withPad: " ", startingAt: 0) + cell(before) + cell(after))
    }

    /// Starts the servers, plays the calls, and stops the servers. All tasks of a call are children of the call
    /// manager's task, which must end before the server can stop.
    private func round(calls: Int, isShown: Bool) async throws -> (SoakStage.Outcome, SoakStage.Remains) {
        let stage = try await SoakStage.start(provider, SoakPlan(seed: seed), calls: calls)
        let outcome = try await stage.play(calls: calls, atOnce: atOnce) { done in
            if isShown { FileHandle.standardError.write(Data("\r\(done) of \(calls) calls".utf8)) }
        }
        if isShown { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
        // After the receipt, the server retries a failed hang-up for a while.
        let remains = try await stage.settle(within: .seconds(45))
        try await stage.shutDown()
        return (outcome, remains)
    }

    /// Waits for the sockets to close.
    private func settled(_ before: Metrics) async throws -> Metrics {
        for _ in 0..<100 {
            let now = Metrics.now()
            if now.descriptors <= before.descriptors, now.threads <= before.threads { return now }
            try await Task.sleep(for: .milliseconds(50))
        }
        return Metrics.now()
    }
}
