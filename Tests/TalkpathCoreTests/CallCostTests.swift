import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

/// The cost of calls: exact, from the provider's counts; an unknown part stays unknown.
struct CallCostTests {
    private static func table(_ text: String) throws -> PriceTable {
        try PriceTable(JSONValue(parsing: Array(text.utf8)))
    }

    private static let prices = #"""
        {"currency":"USD",
         "models":[{"vendor":"openai","models":["m"],"source":"s","read":"2026-11-29","per_million_tokens":{"input_text":4,
          "input_cached_text":0.4,"output_text":24,"input_audio":32,"input_cached_audio":0.4,"output_audio":64}}],
         "transcription":[{"vendor":"openai","models":["t"],"per_minute":0.006,"source":"s","read":"2026-11-29"}],
         "carrier":[
          {"for":"outbound","regions":["US"],"per_minute":0.014,"source":"s","read":"2026-11-29"},
          {"for":"inbound","prefixes":["+1800"],"per_minute":0.022,"source":"s","read":"2026-11-29"},
          {"for":"media_stream","per_minute":0.004,"source":"s","read":"2026-11-29"}]}
        """#

    private static func pricing(
        model: String = "m",
        transcription: String? = "t",
        direction: CallDirection = .outbound,
        to number: String = "+14155550100"
    ) throws -> CallPricing {
        var agent = AgentProfile.openAI(key: "", model: model, instructions: "")
        agent.openAI.transcription = .init()
        agent.openAI.transcription?.model = transcription
        return CallPricing(try table(prices), agents: [agent], direction: direction, to: number)
    }

    private static func usage(_ change: (inout AgentUsage) -> Void = { _ in }) -> AgentUsage {
        var usage = AgentUsage(inputTokens: 1000, outputTokens: 300, totalTokens: 1300)
        (usage.inputAudioTokens, usage.inputTextTokens) = (700, 300)
        (usage.inputCachedTokens, usage.inputCachedAudioTokens, usage.inputCachedTextTokens) = (450, 250, 200)
        (usage.outputAudioTokens, usage.outputTextTokens) = (220, 80)
        change(&usage)
        return usage
    }

    private static func tokens(_ cost: CallCost, _ side: String) -> Int {
        cost.items.filter { $0.part == .model && $0.kind.hasPrefix(side) }.reduce(0) { $0 + $1.quantity }
    }

    @Test func `a call's cost is the sum of its items, to the last digit`() throws {
        let cost = try Self.pricing().cost(Self.usage(), talking: .seconds(61), hasCarrier: true)
        // 450 x 32 + 100 x 4 + 250 x 0.4 + 200 x 0.4 + 220 x 64 + 80 x 24 millionths, and two minutes of 0.018.
        #expect(cost.total(.model)?.decimal == "0.03098")
        #expect(cost.total(.carrier)?.decimal == "0.036")
        #expect(cost.total?.decimal == "0.06698")
        #expect(cost.items.compactMap(\.amount).reduce(.zero, +) == cost.total)
    }

    @Test func `each agent of a call is priced by its own model, and its items name the model`() throws {
        let table = try Self.table(
            #"""
            {"currency":"USD","models":[
             {"vendor":"openai","models":["m"],"source":"s","read":"2026-11-29","per_million_tokens":{"output_text":24}},
             {"vendor":"gemini","models":["g"],"source":"s","read":"2026-11-29","per_million_tokens":{"output_text":2}},
             {"vendor":"openai_live","models":["l"],"source":"s","read":"2026-11-29","per_minute":0.06}]}
            """#
        )
        let agents = [
            AgentProfile.openAI(key: "", model: "m", instructions: ""),
            .gemini(key: "", model: "g", instructions: ""), .openAILive(key: "", model: "l", instructions: ""),
        ]
        let start = MonotonicInstant(nanoseconds: 0)
        var roster = AgentRoster(agents, startedOn: start)
        var words = AgentUsage(inputTokens: 0, outputTokens: 1000, totalTokens: 1000)
        words.outputTextTokens = 1000
        roster.ready(at: start)
        roster.used(words)
        _ = roster.takeNext("gone", at: start + .seconds(30))
        roster.ready(at: start + .seconds(31))
        roster.used(words)
        _ = roster.takeNext("gone", at: start + .seconds(60))
        roster.ready(at: start + .seconds(62))
        let shares = roster.shares(answeredOn: start + .seconds(2), at: start + .seconds(122))
        #expect(shares.map(\.talking) == [.seconds(28), .seconds(29), .seconds(60)])
        let pricing = CallPricing(table, agents: agents, direction: .inbound, to: "")
        let cost = pricing.cost(shares, talking: .seconds(120), hasCarrier: false)
        #expect(cost.items.map { $0.agent?.model } == ["m", "g", "l"])
        // 1000 x 24 and 1000 x 2 millionths, and one minute of 0.06.
        #expect(cost.items.map { $0.amount?.decimal } == ["0.024", "0.002", "0.06"])
    }

    @Test(arguments: 0..<200) func `the tokens of the items equal the provider's counts`(seed: UInt64) throws {
        var random = Random(state: seed)
        let usage = Self.usage { usage in
            for count in AgentUsage.counts where Bool.random(using: &random) {
                usage[keyPath: count.path] = Int.random(in: 0...3000, using: &random)
            }
            if seed % 50 == 0 { usage.inputCachedTextTokens = .max }
        }
        let cost = try Self.pricing().cost(usage, talking: .zero, hasCarrier: false)
        #expect(Self.tokens(cost, "input") == usage.inputTokens)
        #expect(Self.tokens(cost, "output") == usage.outputTokens)
        #expect(cost.items.allSatisfy { $0.quantity > 0 })
    }

    @Test func `an unknown part is unknown and not zero`() throws {
        let other = try Self.pricing(model: "another").cost(Self.usage(), talking: .seconds(1), hasCarrier: true)
        #expect(other.total == nil && other.total(.model) == nil && other.total(.carrier)?.decimal == "0.018")
        let unsplit = Self.usage { ($0.inputCachedAudioTokens, $0.inputCachedTextTokens) = (0, 0) }
        let cost = try Self.pricing().cost(unsplit, talking: .zero, hasCarrier: false)
        #expect(cost.total == nil && cost.items.contains { $0.kind == "input_other" && $0.quantity == 1000 })
        let strange = Self.usage { $0.inputTokens += 25 }
        #expect(try Self.pricing().cost(strange, talking: .zero, hasCarrier: false).total == nil)
    }

    @Test func `cached tokens of input of one kind count as that kind`() throws {
        let usage = Self.usage {
            ($0.inputAudioTokens, $0.inputTextTokens) = (0, 1000)
            ($0.inputCachedAudioTokens, $0.inputCachedTextTokens) = (0, 0)
        }
        let cost = try Self.pricing().cost(usage, talking: .zero, hasCarrier: false)
        #expect(cost.items.first { $0.kind == "input_cached_text" }?.quantity == 450 && cost.total != nil)
    }

    @Test func `transcripts are charged by time or by tokens, as their model is`() throws {
        let timed = Self.usage { $0.transcriptionMilliseconds = 90_500 }
        let cost = try Self.pricing().cost(timed, talking: .zero, hasCarrier: false)
        #expect(cost.total(.transcription)?.decimal == "0.00905")
        let counted = Self.usage { $0.transcriptionInputTokens = 10 }
        #expect(try Self.pricing().cost(counted, talking: .zero, hasCarrier: false).total == nil)
    }

    @Test(
        arguments: [
            ("+14155550100", CallDirection.outbound, "0.018"), ("+18005550100", .inbound, "0.026"),
            ("+18095550100", .outbound, nil), ("+442079460000", .outbound, nil),
        ] as [(String, CallDirection, String?)]
    )
    func `the carrier's minutes are charged by the called number's region or prefix`(
        number: String,
        direction: CallDirection,
        price: String?
    ) throws {
        let pricing = try Self.pricing(direction: direction, to: number)
        #expect(pricing.cost(AgentUsage(), talking: .seconds(30), hasCarrier: true).total?.decimal == price)
        #expect(pricing.cost(AgentUsage(), talking: .zero, hasCarrier: true).total == .zero)
        #expect(pricing.cost(AgentUsage(), talking: .seconds(30), hasCarrier: false).total == .zero)
    }

    @Test func `a snapshot of a model has the price of the model, and another model has none`() throws {
        let table = try Self.table(Self.prices)
        #expect(table.model("m-2026-05-01", of: "openai") != nil)
        for (name, vendor) in [("m-mini", "openai"), ("m-2026-05-0x", "openai"), ("m", "azure"), ("m", "xai")] {
            #expect(table.model(name, of: vendor) == nil)
        }
    }

    @Test func `a socket agent has the price of its owner's file, or an unknown one`() throws {
        let own = AgentProfile.socket(url: "wss://agent.example.com")
        let unknown = CallPricing(try Self.table(Self.prices), agents: [own], direction: .inbound, to: "")
        #expect(unknown.cost(AgentUsage(), talking: .seconds(6), hasCarrier: false).total == nil)
        let file = """
            {"currency":"USD","models":[{"vendor":"socket","models":["\(own.model)"],"per_minute":0.05,"source":"s",
             "read":"2026-11-29"}]}
            """
        let known = CallPricing(try Self.table(file), agents: [own], direction: .inbound, to: "")
        #expect(known.cost(AgentUsage(), talking: .seconds(6), hasCarrier: false).total?.decimal == "0.005")
    }

    @Test(arguments: [
        "[]", #"{"currency":"EUR"}"#, #"{"currency":"USD","model":[]}"#,
        #"{"currency":"USD","models":[{"vendor":"openai","models":["m"],"source":"s","read":"2026-11-29","per_minute":-1}]}"#,
        #"{"currency":"USD","models":[{"vendor":"openai","models":["m"],"source":"s","read":"2026-11-29","per_minute":0.0000001}]}"#,
        #"{"currency":"USD","models":[{"vendor":"openai","models":["m"],"source":"s","read":"2026-11-29","per_million_tokens":{"input":1}}]}"#,
        #"{"currency":"USD","models":[{"vendor":"openai","models":["m"],"read":"2026-11-29","per_minute":1}]}"#,
        #"{"currency":"USD","models":[{"vendor":"openai","models":["m"],"source":"s","read":"yesterday","per_minute":1}]}"#,
        #"{"currency":"USD","carrier":[{"for":"out","per_minute":1,"source":"s","read":"2026-11-29"}]}"#,
    ])
    func `a price file with a mistake is refused`(text: String) {
        #expect(throws: PriceTable.Flaw.self) { try Self.table(text) }
    }

    @Test func `amounts are written exactly, and huge ones do not overflow`() throws {
        #expect(try #require(Price(decimal: "0.000001")).ofMillionth(1).decimal == "0.000000000001")
        #expect(try #require(Price(decimal: "12.5")).of(3).decimal == "37.5")
        let most = try #require(Price(decimal: "1000000"))
        #expect(most.ofMillionth(.max) + most.of(.max) == Money(trillionths: .max))
        _ = most.of(milliseconds: .max)
        #expect(Price(decimal: "1000001") == nil && Price(decimal: "") == nil && Price(decimal: ".5") == nil)
        #expect(Price(decimal: "1e3") == nil && Price(decimal: "0.0000001") == nil && Price(decimal: "-1") == nil)
    }

    @Test func `a record keeps the cost of its time`() throws {
        let cost = try Self.pricing().cost(
            Self.usage { $0.inputTokens += 1 },
            talking: .seconds(61),
            hasCarrier: true
        )
        #expect(CallCost(record: cost.record) == cost)
    }
}

/// For numbers from a seed.
private struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension CallPricing {
    /// Of a call with one agent.
    fileprivate func cost(_ usage: AgentUsage, talking: Duration, hasCarrier: Bool) -> CallCost {
        cost([Share(usage: usage, talking: talking)], talking: talking, hasCarrier: hasCarrier)
    }
}
