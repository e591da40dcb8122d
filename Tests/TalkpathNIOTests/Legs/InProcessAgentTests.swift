import Foundation
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

/// Agents of this process on calls over rings: media, interruptions, and what becomes of a call whose agent fails.
@Suite struct InProcessAgentTests {
    /// An agent made of a closure.
    private struct Agent: InProcessAgent {
        var rate = AgentSampleRate.hz16000
        let body: @Sendable (AgentCall) async throws -> Void

        init(rate: AgentSampleRate = .hz16000, _ body: @escaping @Sendable (AgentCall) async throws -> Void) {
            self.rate = rate
            self.body = body
        }

        var inputRate: AgentSampleRate { rate }
        var outputRate: AgentSampleRate { rate }

        func run(_ call: AgentCall) async throws { try await body(call) }
    }

    private struct Fault: Error {}

    /// Runs a call whose caller speaks the agent's own format.
    private static func with(
        _ agent: Agent,
        tools: ToolFunctions = ToolFunctions(),
        agentAttempts: Int = 3,
        _ body: (inout RingCall) async throws -> Void
    ) async throws {
        let bridge = VoiceBridge(tools: tools, agents: ["test": agent])
        async let running: Void = bridge.run()
        var profile = AgentProfile.inProcess("test")
        profile.tools = tools.tools
        // Nothing but the agent interrupts, so that the audio of a test may be any.
        profile.bargeIn = .model
        profile.limits.agentRetryDelay = .milliseconds(1)
        profile.limits.agentAttempts = agentAttempts
        var call = try await bridge.startCall(agent: profile, format: agent.rate.format)
        let result: Result<Void, any Error>
        do { result = .success(try await body(&call)) } catch { result = .failure(error) }
        _ = await call.end()
        await bridge.shutDown()
        await running
        try result.get()
    }

    /// Reads the agent's audio, as a loudspeaker would, but as fast as it comes.
    private static func hear(_ samples: Int, on leg: inout RingLeg) async throws -> [Int16] {
        var heard = [UInt8](repeating: 0, count: samples * 2)
        var count = 0
        while count < heard.count {
            let read = heard.withUnsafeMutableBytes { memory in
                leg.agentAudio.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[count...]))
            }
            count += read
            if read == 0 { try await Task.sleep(for: .milliseconds(1)) }
        }
        return heard.withUnsafeBytes { Array($0.bindMemory(to: Int16.self)) }
    }

    private static func write(_ samples: [Int16], on leg: inout RingLeg) {
        let written = samples.withUnsafeBytes { leg.callerAudio.write($0) }
        #expect(written == samples.count * 2)
    }

    private static func noise(_ count: Int) -> [Int16] {
        (0..<count).map { Int16(truncatingIfNeeded: ($0 &* 7919) ^ ($0 >> 3)) }
    }

    @Test(arguments: AgentSampleRate.allCases)
    func `audio reaches the agent and comes back bit by bit, at each rate`(rate: AgentSampleRate) async throws {
        let said = Self.noise(rate.rawValue)
        let echo = Agent(rate: rate) { call in
            try await call.respond { speech in
                for await chunk in call.callerAudio { try await speech.send(chunk) }
            }
        }
        try await Self.with(echo) { call in
            Self.write(said, on: &call.leg)
            let heard = try await Self.hear(said.count, on: &call.leg)
            // Apart, for a report of all samples would take a minute.
            let isSame = heard == said
            #expect(isSame)
        }
    }

    @Test func `an interruption tells how many milliseconds the caller heard, and stops the speech`() async throws {
        let (steps, step) = AsyncStream.makeStream(of: AgentCallEvent.self)
        let (orders, order) = AsyncStream.makeStream(of: Void.self)
        let agent = Agent { call in
            let speech = Task {
                try await call.respond { speech in
                    while true { try await speech.send(Self.noise(1600)) }
                }
            }
            let interrupting = Task {
                for await _ in orders { try await call.interrupt() }
            }
            for await event in call.events {
                step.yield(event)
                if case .interrupted = event { break }
            }
            let isWhole = try await speech.value
            #expect(!isWhole)
            interrupting.cancel()
            // The next response is heard again.
            try await call.respond { try await $0.send([Int16](repeating: 5, count: 320)) }
            for await event in call.events { step.yield(event) }
        }
        try await Self.with(agent) { call in
            // 400 ms: as much as the caller has taken from the ring is heard.
            _ = try await Self.hear(6400, on: &call.leg)
            order.yield()
            for await event in steps {
                guard case .interrupted(let response, let heard) = event else { continue }
                #expect(response == 1)
                #expect((400...420).contains(heard))
                break
            }
            var next: [Int16] = []
            while !next.contains(5) { next = try await Self.hear(320, on: &call.leg) }
        }
    }

    @Test(arguments: [false, true])
    func `an agent that throws or returns is called again with the conversation, and lost in the end`(
        throwing: Bool
    ) async throws {
        let runs = Mutex<[[String]]>([])
        let agent = Agent { call in
            runs.withLock { $0.append(call.start.conversation.map(\.text)) }
            try await call.respond { try await $0.transcript("Good day.") }
            if throwing { throw Fault() }
        }
        try await Self.with(agent) { call in
            let receipt = await call.session.waitForEnd()
            #expect(receipt.reason == .agentLost)
            let seen = runs.withLock { $0 }
            #expect(seen.count >= 2)
            #expect(seen.first == [] && seen.last?.contains("Good day.") == true)
        }
    }

    @Test func `an agent that never reads audio keeps its call, and what is dropped is counted`() async throws {
        let (begun, begins) = AsyncStream.makeStream(of: Void.self)
        let agent = Agent { call in
            begins.yield()
            for await _ in call.events {}
        }
        try await Self.with(agent) { call in
            for await _ in begun { break }
            var metrics = await call.session.snapshot().metrics
            while metrics.droppedMilliseconds == 0 {
                _ = Self.noise(16_000).withUnsafeBytes { call.leg.callerAudio.write($0) }
                try await Task.sleep(for: .milliseconds(2))
                metrics = await call.session.snapshot().metrics
            }
            // The ring holds ten seconds, rounded up to a power of two.
            #expect(metrics.bytesToAgent / 32 - metrics.droppedMilliseconds < 20_000)
            #expect(await call.session.snapshot().receipt == nil)
        }
    }

    @Test func `an agent that floods waits once a minute of its speech is unplayed`() async throws {
        let (pieces, piece) = AsyncStream.makeStream(of: Int.self)
        let (faults, fault) = AsyncStream.makeStream(of: String.self)
        let agent = Agent { call in
            do {
                try await call.respond { speech in
                    for number in 1...400 {
                        try await speech.send(Self.noise(8000))
                        piece.yield(number)
                    }
                }
                fault.yield("none")
            } catch {
                fault.yield("\(type(of: error))")
            }
            piece.finish()
        }
        try await Self.with(agent) { call in
            var most = 0
            for await number in pieces {
                most = number
                if number == 120 { break }
            }
            // The agent may send as much more as is played meanwhile: two seconds are four pieces.
            _ = try await Self.hear(32_000, on: &call.leg)
            _ = await call.end()
            for await number in pieces { most = number }
            // A minute, what was played, and what the lane has taken from it for the ring.
            #expect((120...130).contains(most))
            for await name in faults {
                #expect(name == "AgentCallIsOver")
                break
            }
        }
    }

    @Test func `an agent that leaves its events unread is lost`() async throws {
        let agent = Agent { call in
            // Each mark is an event at once, as nothing is playing.
            for number in 0... { try await call.mark("\(number)") }
        }
        try await Self.with(agent, agentAttempts: 1) { call in
            let receipt = await call.session.waitForEnd()
            #expect(receipt.reason == .agentLost)
        }
    }

    @Test func `the end of the call finishes the sequences, and cancels an agent that goes on`() async throws {
        let (steps, step) = AsyncStream.makeStream(of: String.self)
        let (begun, begins) = AsyncStream.makeStream(of: Void.self)
        let agent = Agent { call in
            begins.yield()
            for await _ in call.callerAudio {}
            step.yield("audio")
            for await event in call.events {
                if case .ended(let end) = event { step.yield(end.reason) }
            }
            await #expect(throws: AgentCallIsOver.self) { try await call.mark("late") }
            do { try await Task.sleep(for: .seconds(3600)) } catch { step.yield("cancelled") }
            step.finish()
        }
        try await Self.with(agent) { call in
            for await _ in begun { break }
            let began = ContinuousClock.now
            let receipt = await call.end()
            let took = ContinuousClock.now - began
            #expect(receipt.step(.closeAgent)?.outcome == .done)
            #expect(took >= AgentCall.grace && took < AgentCall.patience)
            var seen: [String] = []
            for await word in steps { seen.append(word) }
            #expect(seen == ["audio", "ended_by_api", "cancelled"])
        }
    }

    @Test func `an agent that heeds no cancellation does not hold up the end beyond its patience`() async throws {
        let (begun, begins) = AsyncStream.makeStream(of: Void.self)
        let held = Mutex<CheckedContinuation<Void, Never>?>(nil)
        let agent = Agent { _ in
            await withCheckedContinuation { continuation in
                held.withLock { $0 = continuation }
                begins.yield()
            }
        }
        try await Self.with(agent) { call in
            for await _ in begun { break }
            let began = ContinuousClock.now
            let receipt = await call.end()
            let took = ContinuousClock.now - began
            #expect(receipt.step(.closeAgent)?.outcome == .done)
            #expect(took >= AgentCall.patience && took < CallLimits().endBound)
        }
        held.withLock { $0.take() }?.resume()
    }

    @Test func `the agent calls a function, and hangs up with the account of the end`() async throws {
        let tool = AgentTool(name: "opening_hours", description: "", parameters: #"{"type":"object"}"#)
        let tools = ToolFunctions().adding(tool) { $0.arguments["day"] == "Monday" ? "9 to 5" : "closed" }
        let (ends, end) = AsyncStream.makeStream(of: AgentCallEnd.self)
        let agent = Agent { call in
            #expect(call.start.tools.contains { $0.name == "opening_hours" })
            let hours = try await call.call(function: "opening_hours", arguments: ["day": "Monday"])
            #expect(hours == "9 to 5")
            end.yield(try await call.end(afterSpeech: false, note: "done"))
        }
        try await Self.with(agent, tools: tools) { call in
            for await end in ends {
                #expect(end.reason == "agent_hangup" && end.note == "done")
                break
            }
            #expect(await call.session.waitForEnd().reason == .agentHangup)
        }
    }

    @Test func `a name that no agent has ends the call as agent lost at once`() async throws {
        let bridge = VoiceBridge(agents: [:])
        async let running: Void = bridge.run()
        let call = try await bridge.startCall(agent: .inProcess("nobody"))
        #expect(await call.session.waitForEnd().reason == .agentLost)
        await bridge.shutDown()
        await running
    }
}
