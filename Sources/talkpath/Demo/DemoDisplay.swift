import Foundation
import Synchronization
import TalkpathAudio
import TalkpathSimulators

/// The live timeline on standard output: events as they happen, with both sides' levels as bars.
///
/// On a terminal, the bars move in the last line. In a pipe, they get a line of their own twice a second.
final class DemoDisplay: Sendable {
    private let start: MonotonicInstant
    private let clock = SimulatorClock()
    private let isTerminal = isatty(STDOUT_FILENO) == 1
    private let hasColours = TerminalColours.areWanted
    private let levels = Mutex((caller: AudioLevel.silence, agent: AudioLevel.silence))

    init() {
        start = clock.now()
    }

    enum Side {
        case caller, agent, bridge
    }

    /// Writes a line of the timeline.
    func note(_ side: Side, _ text: String, at instant: MonotonicInstant? = nil) {
        let seconds = (instant ?? clock.now()).milliseconds(since: start) / 1000
        let (name, colour) =
            switch side {
            case .caller: ("caller", "36")
            case .agent: ("agent ", "33")
            case .bridge: ("      ", "2")
            }
        let stamp = String(format: "%7.2f s", seconds)
        let label = hasColours ? "\u{1B}[\(colour)m\(name)\u{1B}[0m" : name
        let margin = stamp.count + name.count + 4
        let lines = TextWrapping.lines(of: text, width: TerminalWidth.current - margin)
        let words = lines.joined(separator: "\n" + String(repeating: " ", count: margin))
        write((isTerminal ? "\r\u{1B}[K" : "") + "\(stamp)  \(label)  \(words)\n")
        if isTerminal { drawBars() }
    }

    func setLevels(caller: AudioLevel, agent: AudioLevel) {
        levels.withLock { $0 = (caller, agent) }
        if isTerminal {
            drawBars()
        } else {
            write("           " + bars() + "\n")
        }
    }

    /// The interval at which levels are drawn.
    var interval: Duration { isTerminal ? .milliseconds(100) : .milliseconds(500) }

    func finish() {
        if isTerminal { write("\r\u{1B}[K") }
    }

    private func drawBars() {
        write("\r\u{1B}[K           " + bars())
    }

    private func bars() -> String {
        let (caller, agent) = levels.withLock { $0 }
        return "caller \(Self.bar(caller))  agent \(Self.bar(agent))"
    }

    /// Draws −60 to 0 dBFS in twenty steps.
    static func bar(_ level: AudioLevel) -> String {
        let width = 20
        let filled = level.rms.isFinite ? min(width, max(0, Int((level.rms + 60) / 60 * Double(width)))) : 0
        return String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
    }

    /// Writes a line unchanged.
    func line(_ text: String) {
        write(text + "\n")
    }

    private func write(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }
}

extension DemoDisplay {
    /// Writes an event of the simulators in words.
    /// - Parameter answer: counts the model's answers from 0.
    func note(_ event: SimulatorEvent, conversation: Conversation, answer: Int) {
        switch event.kind {
        case .callStatus(let status):
            note(.bridge, "the carrier says: \(status)", at: event.instant)
        case .sessionReady:
            note(.bridge, "the model is ready", at: event.instant)
        case .streamStarted:
            note(.bridge, "the carrier's media stream begins", at: event.instant)
        case .userStarted(let turn):
            note(.caller, "▶ “\(conversation.phone.turns[turn].text)”", at: event.instant)
        case .userEnded:
            note(.caller, "■", at: event.instant)
        case .answerStarted:
            let turns = conversation.agent.turns
            note(.agent, turns.indices.contains(answer) ? "▶ “\(turns[answer].transcript)”" : "▶", at: event.instant)
        case .agentHeard:
            note(.agent, "is heard", at: event.instant)
        case .agentFellSilent:
            // The simulated caller waits for the hangover before it reports silence, which began that much earlier.
            note(.agent, "■ is silent", at: event.instant - conversation.phone.ear.hangover)
        case .callerSpeechStarted:
            note(.bridge, "the model notices the caller", at: event.instant)
        case .streamCleared:
            note(.bridge, "✂ barge-in: the audio still to be played is cleared", at: event.instant)
        case .truncated(_, let heard):
            note(.bridge, "the model is told: \(heard) ms of its answer were heard", at: event.instant)
        case .violation(let text):
            note(.bridge, "VIOLATION: \(text)", at: event.instant)
        case .streamStopped:
            note(.bridge, "the media stream ends", at: event.instant)
        case .request, .webhook, .streamOpened, .streamRefused, .streamClosed, .markPlayed, .dtmf, .connected,
            .connectionRefused, .callerSpeechEnded, .callerTranscript, .agentTranscript, .answerEnded, .toolCalled,
            .toolAnswered, .disconnected, .fault:
            break
        }
    }
}
