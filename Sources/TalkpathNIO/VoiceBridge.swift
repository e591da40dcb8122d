public import Logging
import NIOCore
import NIOPosix
public import TalkpathAudio
public import TalkpathCore

/// The bridge inside your own program: your audio thread on one side, a speech model on the other, no telephone.
///
/// ```swift
/// let bridge = VoiceBridge()
/// async let running: Void = bridge.run()
/// var call = try await bridge.startCall(agent: .openAI(key: key, instructions: "Be brief."))
/// // every 20 ms, on your audio thread:
/// _ = call.leg.callerAudio.write(recorded.span.bytes)
/// _ = call.leg.agentAudio.read(into: &toPlay)
/// // when you are done:
/// let receipt = await call.end()
/// await bridge.shutDown()
/// await running
/// ```
///
/// Runs threads of its own for sockets and audio: its lanes. A call stays on one of them. Safe to use from any thread.
public final class VoiceBridge: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let media: MediaBridge

    /// - Parameters:
    ///   - events: receives the events of every call, on the call's thread; must return at once.
    ///   - tools: runs the functions that agents call.
    ///   - agents: your own agents in this process, by the names that `AgentProfile.inProcess(_:instructions:)` calls.
    ///   - lanes: the threads that calls are spread over; ``LaneCount/standard`` is one for most processors.
    public init(
        events: any CallEventSink = NoEvents(),
        tools: (any ToolHandler)? = nil,
        agents: [String: any InProcessAgent] = [:],
        store: any CallStore = InMemoryCallStore(),
        logger: Logger = Logger(label: "talkpath"),
        lanes: Int = 1
    ) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: min(max(1, lanes), LaneCount.most))
        media = MediaBridge(
            eventLoops: Array(group.makeIterator()),
            carrier: nil,
            store: store,
            events: events,
            tools: tools,
            agents: agents,
            logger: logger
        )
    }

    /// Runs the calls; returns when ``shutDown()`` has ended the last one. Call it once, before the first call.
    public func run() async {
        await media.run()
        try? await group.shutdownGracefully()
    }

    /// Starts a call between an audio thread and an agent.
    ///
    /// - Parameters:
    ///   - format: the audio format of the rings, in both directions.
    ///   - limits: the call's limits; `nil` means the agent's.
    /// - Throws: `CallManager.Refusal` if the bridge is shutting down, or if no resampler filter fits the format.
    public func startCall(
        agent: AgentProfile,
        format: AudioFormat = .telephony,
        limits: CallLimits? = nil
    ) async throws -> RingCall {
        try await media.manager.startRingCall(agent: agent, format: format, limits: limits)
    }

    /// Ends all calls and lets ``run()`` return.
    public func shutDown() async {
        await media.manager.shutDown()
    }
}

/// Drops every event.
public struct NoEvents: CallEventSink {
    public init() {}
    public func publish(_ event: CallEvent) {}
}
