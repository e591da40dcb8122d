import Logging
import TalkpathAudio
import TalkpathWire

/// The functions that the agent calls: ours, the user's own in Swift, the user's own over HTTP.
extension CallSession {
    /// The agent calls a function.
    func take(_ call: AgentToolCall, at now: MonotonicInstant) {
        machine.happened(.toolCalled)
        // A function that the agent called last must not run after the end.
        guard machine.isLive, !isRepeated(call, at: now) else { return }
        guard call.readableArguments != nil else {
            refuse(call, at: now)
            return
        }
        talk.debts.functionCalled()
        publish(.toolCalled(name: call.name))
        guard agentInUse.kind(ofTool: call.name) != .endCall else {
            endForAgent(call, at: now)
            return
        }
        let key = toolKey(call.id)
        guard talk.tools[key] == nil, talk.tools.count < CallTalk.limit else { return }
        let (notWanted, attempt) = AsyncStream<Void>.makeStream()
        let isTransfer = isTransfer(call)
        // This is the answer to the caller's turn; the words with it are heard first.
        if isTransfer { talk.debts.answerBegan() }
        talk.tools[key] = RunningTool(
            call: call,
            socket: agentSocket,
            attempt: attempt,
            began: now,
            agentNumber: machine.agentNumber,
            isTransfer: isTransfer
        )
        jobQueue.yield(.tool(call, key: key, notWanted))
    }

    /// A socket agent that runs anew names its calls from the beginning, while those of its former run may go on.
    private func toolKey(_ id: String) -> String {
        agentInUse.provider.namesCallsOnce ? id : "\(agentSocket) \(id)"
    }

    /// Gemini has called functions again under the name of a call that runs or is over. The function runs once: the
    /// repeated call gets the same result, which the model may have overlooked.
    ///
    /// The end of the call is no such function: it may have been called off meanwhile.
    private func isRepeated(_ call: AgentToolCall, at now: MonotonicInstant) -> Bool {
        guard agentInUse.provider.namesCallsOnce, agentInUse.kind(ofTool: call.name) != .endCall else { return false }
        let isRunning = talk.tools[call.id]?.call == call
        let output = talk.finishedTools.output(of: call)
        guard isRunning || output != nil else { return false }
        ports.instruments.repeatedTool()
        if loggedFaults.isNew("repeated_tool_call") {
            logger.warning("The model called a function again that it had called already; it runs once")
        }
        if isRunning {
            // A session that goes on with a lost one takes the result itself.
            talk.tools[call.id]?.socket = agentSocket
        } else if let output {
            guards.agent?.toolFinished(call.id, at: now)
            // It may not have been told the first time.
            talk.speech.forgetResults([call.id])
            tell(output, of: call, at: now)
        }
        return true
    }

    /// Nothing is carried out on a guess: the model is told, and may ask again.
    private func refuse(_ call: AgentToolCall, at now: MonotonicInstant) {
        logger.warning("The model called a function with arguments that are no JSON object")
        let key = toolKey(call.id)
        guard talk.tools[key] == nil, talk.tools.count < CallTalk.limit else { return }
        let (_, attempt) = AsyncStream<Void>.makeStream()
        talk.tools[key] = RunningTool(
            call: call,
            socket: agentSocket,
            attempt: attempt,
            began: now,
            agentNumber: machine.agentNumber
        )
        toolAnswered(key, ToolOutput.brokenArguments)
    }

    /// The model wants no answer any more.
    func cancelTools(_ ids: [String]) {
        for id in ids {
            // A session that goes on with a lost one knows its calls.
            let key = talk.tools[toolKey(id)] == nil ? talk.tools.first { $0.value.call.id == id }?.key : toolKey(id)
            if let key { stopTool(key) }
        }
        talk.speech.forgetResults(ids)
        talk.debts.callsCancelled(ids)
    }

    func cancelAllTools() {
        let ids = talk.tools.values.map(\.call.id)
        for key in talk.tools.keys.sorted() { stopTool(key) }
        talk.speech.forgetResults(ids)
        talk.debts.callsCancelled(ids)
    }

    private func stopTool(_ key: String) {
        guard let tool = talk.tools.removeValue(forKey: key) else { return }
        guards.agent?.toolFinished(tool.call.id, at: ports.clock.now)
        tool.attempt.finish()
    }

    /// Functions that take too long are answered for, and cancelled.
    func toolsTick(at now: MonotonicInstant) {
        guard !talk.tools.isEmpty else { return }
        for (key, tool) in talk.tools.sorted(by: { $0.key < $1.key })
        where now - tool.began >= CallTalk.longestTool && !tool.isTransfer {
            tool.attempt.finish()
            toolAnswered(key, ToolOutput.error("the function took too long"))
        }
    }

    /// A transfer has bounds of its own, and its success is the end of the call.
    private func isTransfer(_ call: AgentToolCall) -> Bool { agentInUse.kind(ofTool: call.name) == .transfer }

    /// A job: runs the function until it returns, or is not wanted any more.
    func run(_ call: AgentToolCall, key: String, until notWanted: AsyncStream<Void>) async {
        guard let tool = talk.tools[key], machine.isLive else { return }
        await withDiscardingTaskGroup { group in
            group.addTask {
                let output = await self.output(of: call, by: tool.agentNumber)
                await self.toolAnswered(key, output)
                tool.attempt.finish()
            }
            for await _ in notWanted {}
            group.cancelAll()
        }
    }

    /// - Parameter number: the place of the agent that called it in the call's list.
    private func output(of call: AgentToolCall, by number: Int) async -> String {
        let agent = agent.succession[number]
        return switch agent.kind(ofTool: call.name) {
        case .endCall:
            await builtIn(call, ToolOutput.done)
        case .transfer:
            await builtIn(call, transferForAgent(call, agent.transferTargets))
        case .sendDigits:
            await builtIn(call, sendDigitsForAgent(call))
        case .endpoint(let endpoint):
            if let caller = ports.toolEndpoints {
                await caller.call(call, at: endpoint, on: id)
            } else {
                ToolOutput.error("no such function")
            }
        case .handler:
            if let tools = ports.tools {
                await tools.call(call, on: id)
            } else {
                ToolOutput.error("no such function")
            }
        }
    }

    private func builtIn(_ call: AgentToolCall, _ output: String) async -> String {
        _ = await ports.builtInTools?.call(call, on: id)
        return output
    }

    private func transferForAgent(_ call: AgentToolCall, _ targets: [TransferTarget]) async -> String {
        let name = argument("to", of: call)
        guard let target = targets.first(where: { $0.name == name }) else {
            return ToolOutput.error("no transfer target has that name")
        }
        do throws(CallCommandError) {
            let request = TransferRequest(
                to: target.number,
                mode: .drain(timeout: limits.drainTimeout),
                onFailure: target.onFailure
            )
            try await transfer(request, isAsked: false)
            return ToolOutput.done
        } catch {
            return ToolOutput.error("the call was not transferred: \(error.message)")
        }
    }

    private func sendDigitsForAgent(_ call: AgentToolCall) async -> String {
        do throws(CallCommandError) {
            try await dial(argument("digits", of: call) ?? "", for: nil)
            return ToolOutput.done
        } catch {
            return ToolOutput.error(error.message)
        }
    }

    private func argument(_ name: String, of call: AgentToolCall) -> String? {
        (try? JSONValue(parsing: call.arguments))?[name]?.string
    }

    /// The answer, if it is still wanted.
    private func toolAnswered(_ key: String, _ output: String) {
        guard let tool = talk.tools.removeValue(forKey: key) else { return }
        let id = tool.call.id
        capture(.toolAnswered(id: id, output: output))
        talk.finishedTools.add(tool.call, output)
        guards.agent?.toolFinished(id, at: ports.clock.now)
        talk.debts.functionReturned(tool.call.returned(output), of: id, calledOn: tool.began)
        guard machine.holdsAgent(socket: tool.socket) else {
            tellOtherSession(of: tool.call, output)
            return
        }
        tell(output, of: tool.call, at: ports.clock.now)
    }

    private func tell(_ output: String, of call: AgentToolCall, at now: MonotonicInstant) {
        perform(talk.speech.tell(.toolResult(id: call.id, name: call.name, output: output), at: now))
        // The model goes on when it has all the answers it has asked for; after a decision about a tool that its
        // provider calls, it does so by itself.
        if talk.tools.isEmpty, call.name != AgentToolCall.approvalName {
            perform(talk.speech.add(.respond, at: now))
        }
        media.value.pump()
    }

    /// An answer is over. A result that the model was told in the middle of it may have been overlooked.
    func awaitAnswerToResults(at now: MonotonicInstant) {
        guard agentInUse.provider.mayOverlookResults, !talk.isWorking,
            talk.debts.owesAnswerToResult(lastAudio: media.value.lastAgentAudio)
        else { return }
        talk.speech.expectAnswer(at: now)
    }

    /// The session that called the function is gone, and the one after it does not know of the call.
    private func tellOtherSession(of call: AgentToolCall, _ output: String) {
        guard machine.isAgentReady else {
            // Told when there is a session.
            talk.debts.owe()
            return
        }
        tellAgent(call.returned(output))
        media.value.pump()
    }
}

/// A function that is being carried out.
struct RunningTool {
    let call: AgentToolCall
    /// The model's socket that asked for it.
    var socket: AgentSocketID
    /// Finished when the answer is not wanted any more.
    let attempt: AsyncStream<Void>.Continuation
    let began: MonotonicInstant
    /// The place of the agent that asked for it in the call's list.
    let agentNumber: Int
    /// It hands the call over, for which everything else is waited for.
    var isTransfer = false
}
