import Foundation
import TalkpathCore

/// Answers calls with a speech pipeline of its own, in this process. Each of its three parts is a stub.
struct Clinic: InProcessAgent {
    func run(_ call: AgentCall) async throws {
        let recogniser = Recogniser()
        let hearing = Task { for await chunk in call.callerAudio { await recogniser.hear(chunk) } }
        var answer: Task<Void, any Error>?
        defer { hearing.cancel() }

        func say(_ text: String) {
            answer?.cancel()
            answer = Task {
                try await call.respond { speech in
                    try await speech.transcript(text)
                    for word in text.split(separator: " ") { try await speech.send(synthesise(word)) }
                }
            }
        }

        for await event in call.events {
            switch event {
            case .say(let text): say(text)
            case .message(_, let text, wantsAnswer: true): say(think(text))
            case .callerStopped:
                let words = await recogniser.words()
                try await call.callerTranscript(words)
                say(think(words))
            case .cancelled: answer?.cancel()
            case .interrupted(let response, let heard): print("interrupted: \(heard) ms of response \(response) heard")
            case .ended(let end): print("the call has ended: \(end.reason)")
            default: break
            }
        }
    }

    /// What to say to it: put your language model here.
    private func think(_ words: String) -> String {
        "I have heard \(words) and I will tell you a long story about the harbour until you interrupt me"
    }

    /// Text to speech: put your synthesiser here. This one hums a tone of 0.3 s for each word.
    private func synthesise(_ word: Substring) -> [Int16] {
        let step = 2 * Double.pi * (300 + 30 * Double(word.count)) / Double(outputRate.rawValue)
        return (0..<outputRate.rawValue * 3 / 10).map { Int16(9000 * sin(step * Double($0))) }
    }
}

/// Speech to text: put your recogniser here.
actor Recogniser {
    private var samples = 0

    func hear(_ chunk: [Int16]) { samples += chunk.count }

    func words() -> String {
        defer { samples = 0 }
        return "\(samples / 16_000) seconds of sound"
    }
}
