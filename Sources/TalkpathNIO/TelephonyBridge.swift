public import Logging
import NIOCore
import NIOPosix
public import TalkpathCore
public import TalkpathWire

/// Phone calls in a server of your own. Your server speaks HTTP and owns the carrier's media sockets; the bridge owns
/// the calls: media, model, barge-in, guards, and the end.
///
/// ```swift
/// let bridge = TelephonyBridge()
/// async let running: Void = bridge.run()
///
/// // The carrier asks for instructions (POST /voice). Answer with a stream that brings a token:
/// let id = try await bridge.calls.accept(InboundCall(from: from, to: to, carrierCallID: sid, agent: agent))
/// let token = await bridge.calls.makeStreamToken(for: id)
///
/// // The carrier opens the media socket. Your server has upgraded it:
/// let stream = bridge.openStream(on: socket)
/// for await message in incoming { stream.receive(message) }
/// stream.closed()
///
/// // End it, from anywhere:
/// if case .ended(let receipt) = try await bridge.calls.end(id, EndRequest(.endedByAPI)) { print(receipt.duration) }
/// ```
///
/// Runs threads of its own for sockets and audio: its lanes. A call stays on one of them. Safe to use from any thread.
public final class TelephonyBridge: Sendable {
    /// Every live call: accept, place, find, end.
    public var calls: CallManager { media.manager }

    private let group: MultiThreadedEventLoopGroup
    private let media: MediaBridge

    /// - Parameters:
    ///   - carrier: places and hangs up calls. Without one, no call can be placed, and the bridge hangs up by closing
    ///     the socket.
    ///   - store: keeps the records of ended calls.
    ///   - events: receives every event of every call, on the call's thread; must return at once.
    ///   - tools: carries out the functions that agents call.
    ///   - agents: your own agents in this process, by the names that `AgentProfile.inProcess(_:instructions:)` calls.
    ///   - maximumCalls: live calls at once; further ones are refused.
    ///   - lanes: the threads that calls are spread over; ``LaneCount/standard`` is one for most processors.
    public init(
        carrier: (any Carrier)? = nil,
        store: any CallStore = InMemoryCallStore(),
        events: any CallEventSink = NoEvents(),
        tools: (any ToolHandler)? = nil,
        agents: [String: any InProcessAgent] = [:],
        maximumCalls: Int = 1000,
        logger: Logger = Logger(label: "talkpath"),
        lanes: Int = 1
    ) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: min(max(1, lanes), LaneCount.most))
        media = MediaBridge(
            eventLoops: Array(group.makeIterator()),
            carrier: carrier,
            store: store,
            events: events,
            tools: tools,
            agents: agents,
            maximumCalls: maximumCalls,
            logger: logger
        )
    }

    /// Runs the calls; returns when ``shutDown(mode:)`` has ended the last one. Call it once.
    public func run() async {
        await media.run()
        try? await group.shutdownGracefully()
    }

    /// Accepts no new call, ends the live ones, and lets ``run()`` return.
    public func shutDown(mode: EndMode = .now) async {
        await media.manager.shutDown(mode: mode)
    }

    /// Takes over a media socket whose start message must carry the parameter `token`, as
    /// `CallManager.makeStreamToken(for:)` made it. The bridge closes a socket without a valid token with code 1008.
    public func openStream(on socket: some MediaSocket) -> MediaStream {
        openStream(on: socket, admission: .token)
    }

    /// Takes over a media socket that your server has authorised by itself.
    ///
    /// - Parameter accept: makes a new call from the stream's start message. The bridge calls it on a media thread. A
    ///   stream whose start message carries a token joins the token's call instead.
    public func openStream(
        on socket: some MediaSocket,
        accept: @escaping @Sendable (TelephonyStreamStart) -> InboundCall
    ) -> MediaStream {
        openStream(on: socket, admission: .open(accept))
    }

    private func openStream(on socket: some MediaSocket, admission: TelephonyAdmission) -> MediaStream {
        MediaStream(bridge: media, admission: admission, socket: EmbeddersSocket(socket: socket))
    }

    // MARK: Lines of other carriers

    /// Takes over an audio connection with messages of the carrier's own. The start must have a token of a call's; the
    /// bridge closes a line without one with code 1008.
    ///
    /// - Throws: ``AudioLineError`` if the line's format cannot be converted; nothing is opened then.
    public func openLine(_ start: AudioLineStart, on line: some AudioLine) throws(AudioLineError) -> AudioLineStream {
        try openLine(start, on: line, admission: .token)
    }

    /// Takes over an audio connection that your server has authorised by itself.
    ///
    /// - Parameter accept: makes a new call from the start. The bridge calls it on a media thread. A line whose start has a
    ///   token joins the token's call instead.
    /// - Throws: ``AudioLineError`` if the line's format cannot be converted; nothing is opened then.
    public func openLine(
        _ start: AudioLineStart,
        on line: some AudioLine,
        accept: @escaping @Sendable (TelephonyStreamStart) -> InboundCall
    ) throws(AudioLineError) -> AudioLineStream {
        try openLine(start, on: line, admission: .open(accept))
    }

    private func openLine(
        _ start: AudioLineStart,
        on line: some AudioLine,
        admission: TelephonyAdmission
    ) throws(AudioLineError) -> AudioLineStream {
        try AudioLineStream(start, on: line) { [media] in MediaStream(bridge: media, admission: admission, socket: $0) }
    }
}
