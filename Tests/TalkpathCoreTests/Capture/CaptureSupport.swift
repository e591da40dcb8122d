import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

/// A tap, and the file that it writes.
struct CaptureBench: ~Copyable {
    let tap: CaptureTap
    private var reader: CaptureTapReader
    private var writer: CaptureWriter
    private(set) var file: [UInt8] = []

    static let begin = MonotonicInstant(nanoseconds: 5_000_000_000)

    init(_ facts: CaptureMetadata = .test(), capacity: Int = CaptureTap.ringCapacity, isSlim: Bool = false) {
        let ring = ByteRing(minimumCapacity: capacity)
        tap = CaptureTap(ring: ring.producer, from: Self.begin)
        reader = CaptureTapReader(ring: ring.consumer)
        writer = CaptureWriter(facts, isSlim: isSlim)
        writer.begin(into: &file)
    }

    /// The periodic task of the writing thread.
    mutating func write() {
        var file = file
        var writer = writer
        // The short and the long method must write the same bytes.
        var longWay = writer
        var expected: [UInt8] = []
        var block = CaptureBlock()
        reader.drain { kind, instant, content in
            writer.write(kind, at: instant, content: content, into: &block)
            if let record = longWay.record(kind, at: instant, content: content) {
                longWay.append(record, into: &expected)
            }
        }
        let written = block.withBytes { Array($0) }
        let isSame = written == expected
        #expect(isSame)
        file += written
        self.file = file
        self.writer = writer
    }

    static func at(_ milliseconds: Double) -> MonotonicInstant {
        begin + .nanoseconds(Int64(milliseconds * 1_000_000))
    }
}

extension CaptureTap {
    func telephony(_ text: String, at milliseconds: Double) {
        let bytes = Array(text.utf8)
        telephonyReceived(bytes.span.bytes, at: CaptureBench.at(milliseconds))
    }

    func agent(_ text: String, at milliseconds: Double) {
        let bytes = Array(text.utf8)
        agentReceived(bytes.span.bytes, at: CaptureBench.at(milliseconds))
    }

    func toAgent(_ text: String) {
        let bytes = Array(text.utf8)
        agentSent(bytes.span.bytes)
    }
}

extension CaptureMetadata {
    static func test(secrets: [String] = []) -> CaptureMetadata {
        var limits = CallLimits()
        limits.idleTimeout = nil
        limits.idlePrompt = IdlePrompt("Still there?", times: 2)
        limits.loopGuard?.endScore = nil
        limits.goodbye = .milliseconds(120)
        var agent = AgentProfile(
            provider: .openai,
            model: "m",
            apiKey: "sk-very-secret",
            instructions: "Call back +15551230001.",
            firstMessage: "Hello!",
            tools: [AgentTool(name: "look_up", description: "Looks up.")],
            connectPolicy: .onAnswer
        )
        agent.bargeIn = .both
        agent.hearsDigits = false
        agent.keysInterrupt = true
        agent.callerMayKeepCall = false
        agent.greetingPolicy = .greetingFirst
        agent.resampler = .libsamplerate(.medium)
        agent.endpoints = [ToolEndpoint(tool: AgentTool(name: "weather", description: "Rain?"), url: "")]
        agent.transferTargets = [
            TransferTarget(name: "sales", number: "+10000000000"),
            TransferTarget(name: "desk", number: "+10000000000", onFailure: .hangUp),
            TransferTarget(name: "home", number: "+10000000000", onFailure: .sayGoodbye("Bye.", language: "en-US")),
        ]
        agent.renewal = AgentRenewal(quietAfter: .seconds(7), atLatest: .seconds(9))
        let clip = try? AudioClip(format: .pcm16k, bytes: [1, 2, 3, 4])
        agent.fallback = AgentFallback(clip: clip, words: "Sorry.", transferTo: "+10000000000")
        return CaptureMetadata(
            callID: CallID("call"),
            direction: .outbound,
            carrierCallID: nil,
            hasCarrier: true,
            hasTools: false,
            agent: agent,
            limits: limits,
            startedAt: WallTime(milliseconds: 1_700_000_000_000),
            startedOn: CaptureBench.begin,
            policy: CapturePolicy(wire: true),
            secrets: secrets
        )
    }
}
