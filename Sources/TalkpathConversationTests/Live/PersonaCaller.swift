import Foundation
import TalkpathSimulators
import TalkpathWire

/// Lets a text model say what the caller says next.
final class PersonaCaller {
    private let persona: LiveTest.Persona
    private let model: TextModel
    private let words: SpokenWords
    private var turns = 1

    /// The silence of the agent after which it is the caller's turn.
    static let silence = Duration.milliseconds(600)
    private static let goodbye = "[hangs up]"

    init(_ persona: LiveTest.Persona, model: TextModel, words: SpokenWords) {
        self.persona = persona
        self.model = model
        self.words = words
    }

    /// Takes the caller's turn: speaks, or hangs up.
    func goOn(_ caller: WebCaller, _ api: LoopbackClient, _ id: String) async throws {
        guard turns < persona.turns else { return await caller.hangUp() }
        let call = try await api.get("/api/calls/\(id)").body
        let answer = try await model.answer(messages(call["transcript"]?.array ?? []))
        let text = answer.replacing(Self.goodbye, with: "").trimmingCharacters(in: .whitespacesAndNewlines)
        turns = answer.contains(Self.goodbye) ? persona.turns : turns + 1
        guard !text.isEmpty else { return await caller.hangUp() }
        let turn = PhoneScript.Turn(.previous(after: .zero), .speech(try await words.spoken(text)), text: text)
        await caller.say(turn)
    }

    private func messages(_ transcript: [JSONValue]) -> [TextModel.Message] {
        let rules = """
            You are the caller in a phone call: \(persona.description)
            Say what you say next, in one or two short spoken sentences and nothing else. When the call is over for \
            you, say goodbye and add \(Self.goodbye).
            """
        return [TextModel.Message("system", rules)]
            + transcript.map { turn in
                TextModel.Message(turn["role"]?.string == "user" ? "assistant" : "user", turn["text"]?.string ?? "")
            }
    }
}
