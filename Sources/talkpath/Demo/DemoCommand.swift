public import ArgumentParser
import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathSimulators
import TalkpathWire

extension AgentProvider: ExpressibleByArgument {}
extension AgentProfile.Format: ExpressibleByArgument {}

/// `talkpath demo`: plays one complete call on loopback, shows it, measures it and checks it.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Play one whole call between simulators, through the real server, and judge it.",
        discussion: """
            The demo needs no keys and no network. A caller (recorded speech) talks with an agent and interrupts it, \
            and the call is ended through the control API.

            Exit status: 0 if the audio crossed both ways intact, the interruption cleared the line, and the receipt \
            is complete; 1 otherwise.
            """
    )

    @Option(help: "The model that is simulated: openai, openai_live, gemini or socket.")
    var provider: AgentProvider = .openai

    @Option(help: "The audio for the model: pcm, or pcmu (µ-law untouched, not for gemini).")
    var format: AgentProfile.Format = .pcm

    @Option(help: "The folder for call.html, call.tpcap, call.wav, transcript.json and report.json.")
    var out = "demo-out"

    @Option(help: "The folder of the fixtures.")
    var fixtures = "fixtures"

    @Flag(help: "A shorter conversation: the same turns, with short answers and pauses.")
    var fast = false

    func validate() throws {
        if provider == .gemini, format == .pcmu {
            throw ValidationError("--format pcmu does not go with gemini, which takes linear audio only")
        }
        guard FileManager.default.fileExists(atPath: fixtures + "/calls/barge-in/manifest.json") else {
            throw ValidationError(
                "there are no fixtures in '\(fixtures)': name their folder by --fixtures, or run Scripts/demo"
            )
        }
    }

    func run() async throws {
        let display = DemoDisplay()
        display.line("Talkpath demo: a call with \(provider.rawValue), \(format.rawValue)\n")
        let report = try await makeStage().play(on: display)
        try keep(report)
        if !report.verdict.isPassed { throw ExitCode(1) }
    }

    // Two functions that do not await: the optimiser of Swift 6.3 crashes on a `run` that holds everything.

    @inline(never)
    private func makeStage() throws -> DemoStage {
        var conversation = try Conversation(directory: fixtures + "/calls/barge-in")
        if fast { conversation.hurry() }
        // The demo ends the call itself.
        conversation.phone.ending = .staysSilent
        try FileManager.default.createDirectory(at: URL(fileURLWithPath: out), withIntermediateDirectories: true)
        return DemoStage(provider: provider, format: format, conversation: conversation, recordings: out)
    }

    @inline(never)
    private func keep(_ report: DemoReport) throws {
        let directory = URL(fileURLWithPath: out)
        report.print()
        try report.write(to: directory)
        try report.writePage(to: directory)
        print(
            """

            written to \(out):
              call.html         the call on one page, with its sound
              call.tpcap        the capture, for talkpath replay
              call.wav          the caller left, what the caller heard right
              transcript.json   what was said
              report.json       these metrics

            """
        )
        print(report.verdict.isPassed ? "The demo passed." : "The demo FAILED.")
    }
}

extension Conversation {
    /// Keeps every turn, and shortens answers and pauses.
    mutating func hurry() {
        agent.thinkingTime = .milliseconds(50)
        for index in agent.turns.indices {
            // The interrupted answer must outlast its interruption.
            let seconds = agent.turns[index].audio.count > 24_000 * 6 ? 4 : 2
            agent.turns[index].audio = Array(agent.turns[index].audio.prefix(24_000 * seconds))
        }
        for index in phone.turns.indices {
            switch phone.turns[index].moment {
            case .agentStarts: phone.turns[index].moment = .agentStarts(after: .milliseconds(1000))
            case .agentEnds: phone.turns[index].moment = .agentEnds(after: .milliseconds(100))
            case .start, .previous: break
            }
        }
    }
}
