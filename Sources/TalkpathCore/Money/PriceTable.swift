public import TalkpathWire

/// The prices of models, transcripts and the carrier's minutes, from a file that names the source and the day of each price.
/// A price that is not in the file is unknown.
public struct PriceTable: Equatable, Sendable {
    /// The prices of one model.
    struct ModelPrices: Equatable, Sendable {
        var vendor: String
        var models: [String]
        /// For a million tokens, by kind.
        var tokens: [String: Price] = [:]
        var minute: Price?
    }

    private struct MinutePrice: Equatable, Sendable {
        var direction: CallDirection
        var regions: Set<String>
        var prefixes: [String]
        var price: Price
    }

    /// The mistake in a file, in a sentence.
    public struct Flaw: Error, Equatable, Sendable {
        public var sentence: String
    }

    private var models: [ModelPrices] = []
    private var transcriptions: [ModelPrices] = []
    private var minutes: [MinutePrice] = []
    private(set) var streamMinute: Price?

    /// A table without a price.
    public init() {}

    static let tokenKinds: Set<String> = [
        "input_audio", "input_text", "input_cached_audio", "input_cached_text", "output_audio", "output_text",
        "output_thinking",
    ]
    private static let transcriptKinds: Set<String> = ["input", "output"]

    /// Reads a file: the form stands in docs/configuration.md. Members that are not known are wrong, for a price under a
    /// name with a slip would be unknown without a word.
    public init(_ json: JSONValue) throws(Flaw) {
        try Self.check(json, ["currency", "models", "transcription", "carrier"], "the file")
        guard json["currency"]?.string == "USD" else { throw Flaw(sentence: "'currency' must be \"USD\"") }
        models = try Self.entries(json, "models", Self.tokenKinds)
        transcriptions = try Self.entries(json, "transcription", Self.transcriptKinds)
        for entry in json["carrier"]?.array ?? [] {
            let name = "an entry of 'carrier'"
            try Self.check(entry, ["for", "regions", "prefixes", "per_minute", "source", "read"], name)
            try Self.checkSource(entry, name)
            guard let price = try Self.price(entry["per_minute"], name) else {
                throw Flaw(sentence: "\(name) lacks 'per_minute'")
            }
            let word = entry["for"]?.string ?? ""
            if word == "media_stream" {
                streamMinute = price
            } else if let direction = CallDirection(rawValue: word) {
                minutes.append(
                    MinutePrice(
                        direction: direction,
                        regions: Set(Self.words(entry["regions"])),
                        prefixes: Self.words(entry["prefixes"]),
                        price: price
                    )
                )
            } else {
                throw Flaw(sentence: "'for' in \(name) must be outbound, inbound or media_stream")
            }
        }
    }

    // MARK: Asking

    func model(_ name: String, of vendor: String) -> ModelPrices? { Self.entry(name, vendor, in: models) }

    func transcription(_ name: String, of vendor: String) -> ModelPrices? {
        Self.entry(name, vendor, in: transcriptions)
    }

    /// The first entry that names the called number's region or the beginning of the number, or neither.
    func minute(_ direction: CallDirection, number: String) -> Price? {
        let region = NumberingPlan.shared.entry(of: number)?.region
        return minutes.first { entry in
            guard entry.direction == direction else { return false }
            if entry.regions.isEmpty, entry.prefixes.isEmpty { return true }
            return region.map(entry.regions.contains) ?? false
                || entry.prefixes.contains { number.utf8.starts(with: $0.utf8) }
        }?.price
    }

    /// A model goes by its name, or by its name with the day of a snapshot behind it.
    private static func entry(_ name: String, _ vendor: String, in entries: [ModelPrices]) -> ModelPrices? {
        entries.first { entry in
            entry.vendor == vendor
                && entry.models.contains { name == $0 || (name.hasPrefix($0) && isDay(name.dropFirst($0.count))) }
        }
    }

    /// `-2026-05-01`.
    private static func isDay(_ text: Substring) -> Bool {
        let form = Array("-dddd-dd-dd".utf8)
        return text.utf8.count == form.count
            && zip(text.utf8, form).allSatisfy { byte, sign in
                sign == UInt8(ascii: "d") ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : byte == sign
            }
    }

    // MARK: Reading

    private static func entries(
        _ json: JSONValue,
        _ list: String,
        _ kinds: Set<String>
    ) throws(Flaw) -> [ModelPrices] {
        var found: [ModelPrices] = []
        for entry in json[list]?.array ?? [] {
            let names = words(entry["models"])
            let name = "the entry of '\(list)' for \(names.first ?? "no model")"
            try check(entry, ["vendor", "models", "per_million_tokens", "per_minute", "source", "read"], name)
            try checkSource(entry, name)
            guard let vendor = entry["vendor"]?.string, !names.isEmpty else {
                throw Flaw(sentence: "\(name) lacks 'vendor' or 'models'")
            }
            var prices = ModelPrices(vendor: vendor, models: names)
            for (kind, value) in entry["per_million_tokens"]?.object ?? [] {
                guard kinds.contains(kind) else {
                    throw Flaw(sentence: "\(name) has a price for '\(kind)', which is no kind")
                }
                prices.tokens[kind] = try price(value, name)
            }
            prices.minute = try price(entry["per_minute"], name)
            found.append(prices)
        }
        return found
    }

    private static func price(_ json: JSONValue?, _ name: String) throws(Flaw) -> Price? {
        guard let json, !json.isNull else { return nil }
        guard let text = json.number?.text, let price = Price(decimal: text) else {
            throw Flaw(sentence: "a price in \(name) is no amount of dollars with at most six decimals")
        }
        return price
    }

    private static func check(_ json: JSONValue, _ known: Set<String>, _ name: String) throws(Flaw) {
        guard let members = json.object else { throw Flaw(sentence: "\(name) is no JSON object") }
        if let stranger = members.first(where: { !known.contains($0.key) }) {
            throw Flaw(sentence: "\(name) has a member '\(stranger.key)', which is not known")
        }
    }

    private static func checkSource(_ json: JSONValue, _ name: String) throws(Flaw) {
        guard json["source"]?.string?.isEmpty == false, let day = json["read"]?.string, isDay("-\(day)") else {
            throw Flaw(sentence: "\(name) lacks 'source', or 'read', the day on which it was read (2026-11-29)")
        }
    }

    private static func words(_ json: JSONValue?) -> [String] { (json?.array ?? []).compactMap(\.string) }
}
