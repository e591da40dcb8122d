import TalkpathAudio
import Testing

@testable import TalkpathCore

/// How old a model's session gets before it is opened anew.
struct RenewalAgeTests {
    @Test func `Gemini's session is renewed at a quiet moment from the fiftieth minute on, at the fifty-fifth anyway`()
    {
        let agent = AgentProfile.gemini(key: "", instructions: "")
        let call = MachineDriver(limits: CallLimits(), renewal: agent.effectiveRenewal)
        call.talk()
        #expect(!call.pass(.seconds(49 * 60)).opensSomething)
        let isEarly = call.machine.renewsWhenQuiet
        #expect(!call.pass(.seconds(2 * 60)).opensSomething)
        let isWaiting = call.machine.renewsWhenQuiet
        #expect(!isEarly && isWaiting)
        // Nobody falls silent.
        #expect(call.pass(.seconds(4 * 60 + 1)).opensSomething)
    }

    @Test func `an agent's own ages count`() {
        var agent = AgentProfile.gemini(key: "", instructions: "")
        agent.renewal = AgentRenewal(quietAfter: .seconds(60), atLatest: .seconds(90))
        #expect(agent.effectiveRenewal == agent.renewal)
        let hourly = AgentProfile.openAI(key: "", instructions: "").effectiveRenewal
        #expect(hourly == AgentRenewal(quietAfter: .seconds(3000), atLatest: .seconds(3480)))
    }
}
