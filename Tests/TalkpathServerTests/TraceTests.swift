import CoreMetrics
import Logging
import TalkpathAudio
import TalkpathWire
import Testing
import Tracing

@testable import TalkpathCore
@testable import TalkpathServer

/// The trace of a call, made from its events without delay to the call.
struct TraceTests {
    private let queue = SpanQueue()
    private let call = CallID("one")

    private var receipt: EndReceipt {
        var receipt = EndedCalls.call("one").receipt!
        receipt.steps = [
            .init(name: .stopBridge, outcome: .done, started: .zero, duration: .microseconds(100)),
            .init(name: .hangUp, outcome: .timedOut, started: .zero, duration: .milliseconds(38), error: "no answer"),
        ]
        return receipt
    }

    private func traces(content: Bool = false) -> CallTraces {
        let traces = CallTraces(tracer: OTLPTracer(queue: queue), holdsContent: content, clock: SystemTestClock())
        var agent = AgentProfile.openAI(key: "k", instructions: "")
        (agent.id, agent.name) = ("desk", "Desk")
        let described = agent
        traces.describe { _ in CallTraces.Call(direction: .outbound, agent: described) }
        return traces
    }

    private func publish(_ traces: CallTraces, _ events: [(Int, CallEvent.Kind)]) {
        for (at, kind) in events {
            traces.publish(CallEvent(callID: call, at: .milliseconds(at), kind: kind))
        }
        traces.drain()
    }

    private var conversation: [(Int, CallEvent.Kind)] {
        [
            (0, .started), (100, .ringing), (1100, .answered), (1200, .agentReady), (1300, .mediaStarted),
            (2000, .callerSpeechStarted), (3200, .callerSpeechEnded), (3500, .agentSpeechStarted),
            (3700, .agentAnswered(after: .milliseconds(700))), (4000, .interrupted(heardMilliseconds: 300)),
            (4100, .transcript(TranscriptEntry(speaker: .caller, text: "My PIN is 4711", milliseconds: 2000))),
            (5000, .agentLost(message: "gone")), (5600, .agentReady), (6000, .toolCalled(name: "stock")),
            (34_182, .ended(receipt)),
        ]
    }

    private func milliseconds(_ span: SpanRecord?, since root: SpanRecord) -> [Int]? {
        guard let span, let end = span.end else { return nil }
        return [Int((span.start - root.start) / 1_000_000), Int((end - root.start) / 1_000_000)]
    }

    @Test func `a call is one trace, with its parts at their times`() throws {
        publish(traces(), conversation)
        let spans = queue.take()
        let root = try #require(spans.first { $0.name == "call" })
        #expect(Set(spans.map(\.place.trace)).count == 1 && root.parent == nil)
        func times(_ name: String) -> [Int]? { milliseconds(spans.first { $0.name == name }, since: root) }
        #expect(times("ring") == [100, 1100] && times("connect") == [1100, 1300])
        #expect(times("turn") == [2000, 3700] && times("turn.notice") == [3000, 3200])
        #expect(times("turn.think") == [3200, 3500] && times("turn.audio") == [3500, 3700])
        #expect(times("invoke_agent Desk") == [1200, 5000] && times("reopen") == [5000, 5600])
        #expect(root.events.map(\.name) == ["barge_in", "agent_lost", "tool_called"])
        let steps = spans.filter { $0.name.hasPrefix("end.") }
        #expect(steps.map(\.name) == receipt.steps.map { "end.\($0.name.rawValue)" })
        let end = try #require(spans.first { $0.name == "end" })
        #expect(steps.allSatisfy { $0.parent == end.place.span } && end.parent == root.place.span)
        #expect(spans.allSatisfy { span in span.parent == nil || spans.contains { $0.place.span == span.parent } })
    }

    @Test func `spoken words are in a trace only if the setting allows it`() {
        publish(traces(), conversation)
        #expect(!"\(OTLPMessage.json(queue.take(), service: "s").serializedText())".contains("4711"))
        publish(traces(content: true), conversation)
        #expect(OTLPMessage.json(queue.take(), service: "s").serializedText().contains("4711"))
    }

    @Test func `a client's trace continues in the call, and from there to functions and webhooks`() throws {
        let traces = traces()
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        traces.adopt(header, for: call)
        publish(traces, [(0, .started)])
        let given = try #require(traces.headers(traces.context(of: call)).first)
        #expect(given.name == "traceparent" && given.value.hasPrefix("00-0af7651916cd43dd8448eb211c80319c-"))
        #expect(given.value != header)
        let tool = FunctionSpan(AgentToolCall(id: "t", name: "stock", arguments: "{}"), on: call, kind: .client, traces)
        #expect(tool.headers.first?.value != given.value)
        tool.end("", status: 500, error: "500")
        publish(traces, [(34_182, .ended(receipt))])
        #expect(traces.headers(traces.context(of: call)).first?.value == given.value)
        let spans = queue.take()
        #expect(Set(spans.map(\.place.trace)) == ["0af7651916cd43dd8448eb211c80319c"])
        #expect(spans.first { $0.name == "call" }?.parent == "b7ad6b7169203331")
        #expect(spans.first { $0.name == "execute_tool stock" }?.status?.code == .error)
    }

    @Test func `without tracing a client's header is passed on unchanged, and no span is made`() {
        let traces = CallTraces(tracer: NoOpTracer(), clock: SystemTestClock())
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
        traces.adopt(header, for: call)
        publish(traces, conversation)
        #expect(traces.headers(traces.context(of: call)).map(\.value) == [header])
        #expect(traces.headers(traces.context(of: CallID("two"))).isEmpty && queue.isEmpty)
    }

    @Test func `a trace that its client does not sample makes no spans`() {
        let traces = traces()
        traces.adopt("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", for: call)
        publish(traces, conversation)
        #expect(queue.isEmpty)
    }

    @Test(arguments: [
        "", "00", "00-0-0-0", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
    ])
    func `an invalid header begins a trace of the call's own`(header: String) {
        #expect(TraceParent(header) == nil)
    }

    @Test(arguments: [Int64.min, -1, 0, 1_800_000_000_000, .max])
    func `extreme clocks and durations do not overflow a trace`(milliseconds: Int64) {
        let instant = TraceInstant(WallTime(milliseconds: milliseconds))
        for duration in [Duration.zero, .seconds(-1), .seconds(Int64.max / 1000), .milliseconds(700)] {
            #expect(instant + max(.zero, duration) >= instant && instant - max(.zero, duration) <= instant)
        }
    }

    @Test func `a full queue drops new spans, and counts them`() {
        let small = SpanQueue(capacity: 2)
        for _ in 0..<5 {
            let tracer = OTLPTracer(queue: small)
            tracer.startSpan("x", context: .topLevel).end()
        }
        #expect(small.takeDropped() == 3 && small.take().count == 2 && small.takeDropped() == 0 && small.isEmpty)
    }
}

private struct SystemTestClock: CallClock {
    var now: MonotonicInstant { MonotonicInstant(nanoseconds: 0) }
    var wallTime: WallTime { WallTime(milliseconds: 1_800_000_000_000) }
}
