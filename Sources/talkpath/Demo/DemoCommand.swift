public import ArgumentParser
import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathSimulators
import TalkpathWire

extension AgentProvider: ExpressibleByArgument {}
extension AgentProfile.Format: ExpressibleByArgument {}

/// `talkpath demo`: one whole call on loopback, seen, measured and judged.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Plays one whole call between simulators, through the real server, and judges it.",
        discussion: """
            Needs no keys and no network. A caller (a fixture of speech) talks with an agent, interrupts it, and the \
            call is ended through the control API. Exits with 0 only if the audio crossed both ways intact, the \
            interruption cleared the line, and the receipt is whole.
            """
    )

    @Option(help: "The model that is simulated: openai or gemini.")
    var provider: AgentProvider = .openai

    @Option(help: "What the model is sent: pcm, or pcmu (µ-law untouched, OpenAI only).")
    var format: AgentProfile.Format = .pcm

    @Option(help: "Where call.html, call.tpcap, call.wav, transcript.json and report.json go.")
    var out = "demo-out"

    @Option(help: "The folder of the fixtures.")
    var fixtures = "fixtures"

    @Flag(help: "A shorter conversation: the same turns, with short answers and pauses.")
    var fast = false

    func validate() throws {
        if provider == .gemini, format == .pcmu {
            throw ValidationError("--format pcmu: Gemini Live takes linear audio only.")
        }
        guard FileManager.default.fileExists(atPath: fixtures + "/calls/barge-in/manifest.json") else {
            throw ValidationError(
                "no fixtures in '\(fixtures)': give the folder with --fixtures, or run Scripts/demo in a checkout."
            )
        }
    }

    func run() async throws {
        var conversation = try Conversation(directory: fixtures + "/calls/barge-in")
        if fast { conversation.hurry() }
        // The demo ends the call itself.
        conversation.phone.ending = .staysSilent
        let display = DemoDisplay()
        display.line("Talkpath demo: a call with \(provider.rawValue), \(format.rawValue)\n")
        let directory = URL(fileURLWithPath: out)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let stage = DemoStage(provider: provider, format: format, conversation: conversation, recordings: out)
        let report = try await stage.play(on: display)
        report.print()
        try report.write(to: directory)
        try report.writePage(to: directory)
        print(
            "\nwritten to \(out): call.html (the call on one page, with its sound), call.tpcap (for talkpath replay), call.wav (left: the caller; right: what the caller heard), transcript.json, report.json"
        )
        print(report.judgement.isPassed ? "The demo passed." : "The demo FAILED.")
        if !report.judgement.isPassed { throw ExitCode(1) }
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
