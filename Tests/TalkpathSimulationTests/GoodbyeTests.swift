import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathSimulation

/// Ends that let the agent finish: a goodbye is heard whole, unless the caller interrupts it.
@Suite struct GoodbyeTests {
    private static func end(_ call: ScriptedCall) -> (at: Int, receipt: EndReceipt)? {
        for case (let at, .ended(let receipt)) in call.events { return (at, receipt) }
        return nil
    }

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `a goodbye that follows the function's call is heard whole`(provider: AgentProvider) throws {
        let call = ScriptedCall(provider)
        call.at(500) {
            call.beginResponse()
            if provider == .gemini { call.sayAudio(0) }
            call.callTool("end_call")
        }
        // Slower than its playback, so that the far end's buffer runs dry in between.
        for piece in 0..<8 { call.at(800 + piece * 320) { call.sayAudio(0) } }
        call.at(3500) {
            call.endAudio(0)
            call.endResponse()
        }
        call.run(until: 20_000)
        let end = try #require(Self.end(call))
        #expect(end.receipt.reason == .agentHangup)
        #expect(abs(call.heardMilliseconds(of: 0) - (provider == .gemini ? 9 : 8) * 250) <= 20)
        #expect(end.at < 4500)
    }

    @Test func `a model that waits for its function's result gets it, and then says goodbye`() throws {
        let call = ScriptedCall(.gemini)
        call.onTold = { text in
            guard text.contains("toolResponse") else { return }
            call.at(call.milliseconds + 900) { call.answer(0, pieces: 6) }
        }
        call.at(500) { call.callTool("end_call") }
        call.run(until: 20_000)
        let end = try #require(Self.end(call))
        #expect(end.receipt.reason == .agentHangup)
        #expect(abs(call.heardMilliseconds(of: 0) - 1500) <= 20)
        #expect(end.at < 4000)
    }

    @Test func `an agent that ends the call after a function's result is not waited for`() throws {
        let call = ScriptedCall(.socket)
        call.onTold = { text in
            guard text.contains("tool_result") else { return }
            call.at(call.milliseconds + 20) { call.say(#"{"type":"end","drain":true}"#) }
        }
        call.at(500) {
            call.talk(1000)
        }
        call.at(2500) { call.callTool("note") }
        call.run(until: 20_000)
        let end = try #require(Self.end(call))
        #expect(end.receipt.reason == .agentHangup)
        #expect(end.at < 3500, "\(end.at)")
    }

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `a model that says no more is not waited for`(provider: AgentProvider) throws {
        let call = ScriptedCall(provider)
        call.at(500) {
            call.beginResponse()
            call.sayAudio(0, pieces: 4)
            call.callTool("end_call")
        }
        call.run(until: 20_000)
        let end = try #require(Self.end(call))
        #expect(end.receipt.reason == .agentHangup)
        #expect(abs(call.heardMilliseconds(of: 0) - 1000) <= 20)
        #expect(end.at > 2400 && end.at < 3200)
    }

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `a drain waits for the answer that the caller is owed`(provider: AgentProvider) throws {
        let call = ScriptedCall(provider)
        call.at(500) {
            call.talk(1200)
            call.hearCallerBegin()
        }
        call.at(2200) { call.hearCallerEnd() }
        call.at(2300) {
            call.session.assumeIsolated { $0.requestEnd(EndRequest(.endedByAPI, mode: .drain(timeout: .seconds(9)))) }
        }
        call.at(3900) { call.answer(0, pieces: 4) }
        call.run(until: 20_000)
        #expect(abs(call.heardMilliseconds(of: 0) - 1000) <= 20)
        let end = try #require(Self.end(call))
        // The model never writes down the caller's words, and an end by the API does not wait for them.
        #expect(end.at < 6000 && end.receipt.reason == .endedByAPI)
    }

    @Test(arguments: [AgentProvider.openai, .gemini], [true, false])
    func `a caller who interrupts the goodbye keeps the call, unless the agent's settings forbid it`(
        provider: AgentProvider,
        mayKeep: Bool
    ) throws {
        let call = ScriptedCall(provider) { $0.callerMayKeepCall = mayKeep }
        call.at(500) {
            call.beginResponse()
            call.sayAudio(0, pieces: 12)
            call.callTool("end_call")
            call.endAudio(0)
        }
        call.at(1300) { call.talk(1200) }
        call.at(1500) {
            call.say(call.language.interruption)
            call.endResponse(isCancelled: true)
        }
        call.at(3000) { call.hearCallerEnd() }
        call.at(3500) { call.answer(1, pieces: 2) }
        call.run(until: 15_000)
        let end = try #require(Self.end(call))
        #expect(call.heardMilliseconds(of: 0) < 1300)
        let results = call.tellings(containing: provider == .openai ? "function_call_output" : "toolResponse")
        guard mayKeep else {
            #expect(end.receipt.reason == .agentHangup && results.isEmpty)
            return
        }
        #expect(end.receipt.reason == .shutdown && end.at >= 15_000)
        #expect(abs(call.heardMilliseconds(of: 1) - 500) <= 20)
        // The function has failed, and the model has its result.
        #expect(results.count == 1 && results[0].text.contains("goes on"))
    }

    @Test func `an end that the API has requested, too, is not given up for the caller`() throws {
        let call = ScriptedCall(.openai)
        call.at(500) {
            call.answer(0, pieces: 12)
            call.callTool("end_call")
        }
        call.at(1000) {
            call.session.assumeIsolated { $0.requestEnd(EndRequest(.endedByAPI, mode: .drain(timeout: .seconds(9)))) }
        }
        call.at(1500) { call.say(call.language.interruption) }
        call.run(until: 15_000)
        let end = try #require(Self.end(call))
        #expect(end.receipt.reason == .agentHangup && end.at < 6000)
    }

    // MARK: While the caller speaks

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `a function's result that comes while the caller speaks waits for the end of the turn`(
        provider: AgentProvider
    ) throws {
        let call = ScriptedCall(provider)
        call.tool = { _ in
            await call.scheduler.pause(.milliseconds(1500))
            return #"{"slots":"9:00"}"#
        }
        call.at(500) {
            call.beginResponse()
            call.sayAudio(0, pieces: 2)
            call.endAudio(0)
            call.callTool("look_up")
            call.endResponse()
        }
        call.at(1500) {
            call.talk(2500)
            call.hearCallerBegin()
        }
        call.at(4500) { call.hearCallerEnd() }
        // OpenAI's model answers the turn and the result together.
        if provider == .openai { call.at(4800) { call.answer(1, pieces: 2) } }
        call.run(until: 12_000)
        let due = provider == .openai ? call.requests : call.tellings(containing: "toolResponse")
        switch provider {
        case .openai:
            #expect(call.tellings(containing: "function_call_output").allSatisfy { $0.at < 2200 })
            #expect(due.isEmpty)
        case .gemini, .openaiLive, .socket:
            #expect(due.count == 1 && due[0].at >= 4000 && due[0].at < 5000)
        }
    }

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `a key pressed during the model's set-up is sent once the model is ready`(provider: AgentProvider) throws {
        let call = ScriptedCall(provider)
        call.setupTime = .seconds(3)
        call.at(600) { call.press("5") }
        call.run(until: 9000)
        let tellings = call.tellings(containing: "5").filter { $0.text.contains("key") }
        #expect(tellings.count == 1 && tellings.allSatisfy { $0.at >= 3000 && $0.at < 6000 })
    }

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `a drain waits for the session that owes the answers of the former one`(
        provider: AgentProvider
    ) {
        let call = ScriptedCall(provider)
        call.setupTime = .milliseconds(800)
        var isReminded = false
        call.onTold = { text in
            guard text.contains("connection to you was lost"), !isReminded else { return }
            isReminded = true
            call.at(call.milliseconds + 300) { call.answer(1, pieces: 2) }
        }
        call.at(2000) { call.talk(1500) }
        call.at(2200) { call.hearCallerBegin() }
        call.at(4000) { call.hearCallerEnd() }
        call.at(4200) { call.loseModel() }
        // The next session is being set up.
        call.at(4900) { call.drain() }
        call.run(until: 20_000)
        #expect(call.heardMilliseconds(of: 1) == 500)
        #expect(Self.end(call)?.receipt.reason == .endedByAPI)
    }
}
