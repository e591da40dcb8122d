import TalkpathAudio
import TalkpathWire

/// The prices that hold for one call.
struct CallPricing: Sendable {
    /// The prices of one agent.
    private struct AgentPrices: Sendable {
        let reference: AgentReference
        let model: PriceTable.ModelPrices?
        let transcription: PriceTable.ModelPrices?
        /// A socket agent counts no tokens, and GPT-Live bills its time: what they cost is known from the
        /// table, or not at all.
        let isPaidByTime: Bool
    }

    /// The work of one agent in the call.
    struct Share: Equatable, Sendable {
        var usage: AgentUsage
        var talking: Duration
    }

    private let agents: [AgentPrices]
    private let minute: Price?
    private let streamMinute: Price?

    /// - Parameter agents: those of the call, in their order.
    init(_ table: PriceTable, agents: [AgentProfile], direction: CallDirection, to number: String) {
        self.agents = agents.map { agent in
            let vendor = agent.provider == .openai ? (agent.service ?? .openai).rawValue : agent.provider.rawValue
            let writer = agent.openAI.transcription?.model ?? OpenAIRealtimeCodec.transcriptionModel
            return AgentPrices(
                reference: AgentReference(provider: agent.provider, model: agent.model),
                model: table.model(agent.model, of: vendor),
                transcription: table.transcription(writer, of: vendor),
                isPaidByTime: agent.provider == .socket || agent.provider == .openaiLive
            )
        }
        minute = table.minute(direction, number: number)
        streamMinute = table.streamMinute
    }

    /// - Parameters:
    ///   - shares: of the agents so far, in their order. Where there are several, each item names its model.
    ///   - talking: from the answer to now, or to the end.
    func cost(_ shares: [Share], talking: Duration, hasCarrier: Bool) -> CallCost {
        var cost = CallCost()
        for (agent, share) in zip(agents, shares) {
            let items = Self.items(share, agent)
            cost.items += shares.count > 1 ? items.map { $0.of(agent.reference) } : items
        }
        if hasCarrier {
            let milliseconds = max(0, talking.wholeMilliseconds)
            let minutes = milliseconds / 60_000 + (milliseconds % 60_000 > 0 ? 1 : 0)
            for (kind, price) in [("call", minute), ("media_stream", streamMinute)] where minutes > 0 {
                cost.items.append(.init(.carrier, kind, minutes, .minutes, price))
            }
        }
        return cost
    }

    private static func items(_ share: Share, _ agent: AgentPrices) -> [CallCost.Item] {
        var items: [CallCost.Item] = []
        let (usage, model, writer) = (share.usage, agent.model, agent.transcription)
        func add(_ part: CallCost.Part, _ kind: String, _ quantity: Int, _ unit: CallCost.Unit, _ price: Price?) {
            if quantity > 0 { items.append(.init(part, kind, quantity, unit, price)) }
        }
        for tokens in TokenKinds(usage).model {
            add(.model, tokens.kind, tokens.count, .tokens, model?.tokens[tokens.kind])
        }
        if model?.minute != nil || agent.isPaidByTime {
            add(.model, "time", max(0, share.talking.wholeMilliseconds), .milliseconds, model?.minute)
        }
        add(.transcription, "input", usage.transcriptionInputTokens, .tokens, writer?.tokens["input"])
        add(.transcription, "output", usage.transcriptionOutputTokens, .tokens, writer?.tokens["output"])
        add(.transcription, "time", usage.transcriptionMilliseconds, .milliseconds, writer?.minute)
        return items
    }
}

/// A model's tokens by their price. Their sum equals the provider's count.
struct TokenKinds {
    private(set) var model: [(kind: String, count: Int)] = []

    init(_ usage: AgentUsage) {
        let cachedKnown = usage.inputCachedAudioTokens &+ usage.inputCachedTextTokens
        var (cachedAudio, cachedText) = (usage.inputCachedAudioTokens, usage.inputCachedTextTokens)
        // If all input is of one kind, its cached part is of that kind.
        if cachedKnown == 0, usage.inputAudioTokens == 0 { cachedText = usage.inputCachedTokens }
        if cachedKnown == 0, usage.inputTextTokens == 0 { cachedAudio = usage.inputCachedTokens }
        let isSplit = Self.sum(cachedAudio, cachedText) == usage.inputCachedTokens
        let fits =
            isSplit && cachedAudio <= usage.inputAudioTokens && cachedText <= usage.inputTextTokens
            && Self.sum(usage.inputAudioTokens, usage.inputTextTokens) <= usage.inputTokens
        if fits {
            let (audio, text) = (usage.inputAudioTokens - cachedAudio, usage.inputTextTokens - cachedText)
            model = [
                ("input_audio", audio), ("input_text", text), ("input_cached_audio", cachedAudio),
                ("input_cached_text", cachedText),
                ("input_other", usage.inputTokens - usage.inputAudioTokens - usage.inputTextTokens),
            ]
        } else {
            // The provider's counts do not say which tokens were cached: what they cost is not known.
            model = [("input_other", usage.inputTokens)]
        }
        let told = Self.sum(Self.sum(usage.outputAudioTokens, usage.outputTextTokens), usage.outputThinkingTokens)
        if told <= usage.outputTokens {
            model += [
                ("output_audio", usage.outputAudioTokens), ("output_text", usage.outputTextTokens),
                ("output_thinking", usage.outputThinkingTokens), ("output_other", usage.outputTokens - told),
            ]
        } else {
            model.append(("output_other", usage.outputTokens))
        }
    }

    private static func sum(_ left: Int, _ right: Int) -> Int {
        let (sum, isTooLarge) = left.addingReportingOverflow(right)
        return isTooLarge ? .max : sum
    }
}
