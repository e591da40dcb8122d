import TalkpathWire
import Testing

@testable import TalkpathCore
@testable import TalkpathSimulation

/// Keys that a caller presses while the agent speaks.
@Suite struct KeyTests {
    @Test(arguments: [AgentProvider.openai, .gemini], [true, false])
    func `a key silences the agent if the settings say so`(provider: AgentProvider, interrupts: Bool) throws {
        let call = ScriptedCall(provider) { $0.keysInterrupt = interrupts }
        call.at(500) {
            call.beginResponse()
            call.sayAudio(0, pieces: 12)
            call.endAudio(0)
        }
        call.at(1500) { call.press("5") }
        call.at(3600) { call.endResponse() }
        call.at(5000) { call.answer(1, pieces: 2) }
        call.run(until: 12_000)
        let heard = call.heardMilliseconds(of: 0)
        #expect(interrupts ? abs(heard - 1000) <= 40 : abs(heard - 3000) <= 20, "\(heard)")
        // The agent's next words are heard, and the agent has the key.
        #expect(abs(call.heardMilliseconds(of: 1) - 500) <= 20)
        #expect(call.told.contains { $0.text.contains("keypad: 5") })
        guard provider == .openai else { return }
        #expect(call.told.contains { $0.text.contains("conversation.item.truncate") } == interrupts)
    }
}
