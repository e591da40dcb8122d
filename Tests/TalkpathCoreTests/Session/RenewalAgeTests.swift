import TalkpathAudio
import Testing

@testable import TalkpathCore

/// The age at which a model's session is renewed.
struct RenewalAgeTests {
    @Test func `Gemini's session is renewed at a quiet moment after fifty minutes, and in any case after fifty-five`() {
        let agent = AgentProfile.gemini(key: "", instructions: "")
        let call = MachineDriver(limits: CallLimits(), renewal: agent.effectiveRenewal)
        call.talk()
        #expect(!call.pass(.seconds(49 * 60)).opensSomething)
        let isEarly = call.machine.renewsWhenQuiet
        #expect(!call.pass(.seconds(2 * 60)).opensSomething)
        let isWaiting = call.machine.renewsWhenQuiet
        #expect(!isEarly && isWaiting)
        // The line has no quiet moment.
        #expect(call.pass(.seconds(4 * 60 + 1)).opensSomething)
    }

    @Test func `an agent's own ages apply`() {
        var agent = AgentProfile.gemini(key: "", instructions: "")
        agent.renewal = AgentRenewal(quietAfter: .seconds(60), atLatest: .seconds(90))
        #expect(agent.effectiveRenewal == agent.renewal)
        let hourly = AgentProfile.openAI(key: "", instructions: "").effectiveRenewal
        #expect(hourly == AgentRenewal(quietAfter: .seconds(3000), atLatest: .seconds(3480)))
    }
}
