import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathTesting

/// Places a call over a carrier of its own (`RinglineCarrier`), keeps its record in a store of its own (`LineStore`), and
/// checks both by the contracts of TalkpathTesting. The telephone company is made up: `Ringline` plays it, and its person
/// says the words in a WAV file (8 kHz, one channel).
///
///     export OPENAI_API_KEY=…          # and OPENAI_REALTIME_URL=ws://127.0.0.1:9101/v1/realtime for the simulator
///     swift run OwnCarrier question.wav calls.jsonl
@main
struct OwnCarrier {
    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard CommandLine.arguments.count == 3, let key = environment["OPENAI_API_KEY"] else {
            FileHandle.standardError.write(Data("usage: OPENAI_API_KEY=… OwnCarrier QUESTION.wav CALLS.jsonl\n".utf8))
            exit(64)
        }
        guard await checkContracts() else { exit(1) }
        let file = try WAV.decode([UInt8](Data(contentsOf: URL(filePath: CommandLine.arguments[1]))))
        var agent = AgentProfile.openAI(key: key, instructions: "Be brief.")
        if let address = environment["OPENAI_REALTIME_URL"] { agent.baseURL = address }
        let store = try LineStore(path: CommandLine.arguments[2])
        try await call(agent, saying: file.channels[0].map(MuLaw.encode), store)

        // A process that starts later finds the call.
        for call in try await LineStore(path: CommandLine.arguments[2]).recent(limit: 1) {
            print("in the store: \(call.id), \(call.status.rawValue), \(call.duration)")
        }
    }

    /// In a package of yours, this is a test.
    private static func checkContracts() async -> Bool {
        let carrier = await CarrierContract.check(RinglineStage())
        print("the carrier's contract: \(carrier)")
        let store = await CallStoreContract.check(LineStage())
        print("the store's contract: \(store)")
        return carrier.isKept && carrier.unchecked.isEmpty && store.isKept && store.unchecked.isEmpty
    }

    private static func call(_ agent: AgentProfile, saying words: [UInt8], _ store: LineStore) async throws {
        let ringline = Ringline(words: words)
        let carrier = RinglineCarrier(key: Ringline.key) { try await ringline.answer($0) }
        let (events, sink) = AsyncStream.makeStream(of: CallEvent.self)
        let bridge = TelephonyBridge(carrier: carrier, store: store, events: EventQueue(queue: sink))
        async let running: Void = bridge.run()
        let webhooks = Task {
            for await news in ringline.news { await take(news, on: bridge) }
        }

        let call = try await bridge.calls.place(OutboundCall(from: "+14155550100", to: "+14155550101", agent: agent))
        for await event in events {
            if case .ended = event.kind { break }
            guard case .agentAnswered(let latency) = event.kind else { continue }
            print("the agent answered after \(latency)")
            try await Task.sleep(for: .seconds(1))
            break
        }
        if case .ended(let receipt) = try await bridge.calls.end(call.id, EndRequest(.endedByAPI)) {
            let word = receipt.carrierConfirmed ? "confirmed" : "did not confirm"
            print("ended: \(receipt.reason.rawValue), after \(receipt.duration); the carrier \(word) it")
            for step in receipt.steps { print("  \(step.name.rawValue): \(step.outcome.rawValue)") }
        }
        await bridge.shutDown()
        await running
        webhooks.cancel()
    }

    /// What a server of yours does when the vendor asks for its webhooks.
    private static func take(_ news: Ringline.News, on bridge: TelephonyBridge) async {
        let call = CallID(news.reference)
        func tell(_ progress: CarrierProgress) async {
            await bridge.calls.carrierProgressed(progress, carrierCallID: news.id, call: call)
        }
        switch news.kind {
        case .ringing: await tell(.ringing)
        case .over: await tell(.over(.completed))
        case .answered(let line):
            await tell(.answered)
            // One socket of the call's may bring this token, once.
            let token = await bridge.calls.makeStreamToken(for: call) ?? ""
            Task { try await RinglineMedia.connect(line, to: bridge, carrierCallID: news.id, token: token) }
        }
    }
}

/// Takes events on the threads of the calls, and so only queues them.
struct EventQueue: CallEventSink {
    let queue: AsyncStream<CallEvent>.Continuation

    func publish(_ event: CallEvent) { queue.yield(event) }
}
