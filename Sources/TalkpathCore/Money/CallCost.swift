import TalkpathWire

/// The cost of a call: item by item, so that every amount can be checked against the provider's own count. An amount
/// whose price is not known is unknown, never 0.
public struct CallCost: Equatable, Sendable {
    /// The party that is paid.
    public enum Part: String, Sendable, CaseIterable {
        case model, transcription, carrier
    }

    public enum Unit: String, Sendable {
        /// Priced by the million.
        case tokens
        /// Priced by the minute.
        case milliseconds = "ms"
        /// Begun ones.
        case minutes
    }

    public struct Item: Equatable, Sendable {
        public var part: Part
        /// Such as `input_audio`; the names stand in the API's document.
        public var kind: String
        /// The agent whose model it is, in a call that has had several.
        public var agent: AgentReference?
        public var unit: Unit
        public var quantity: Int
        /// `nil` if it is not known.
        public var price: Price?
        /// `nil` if the price is not known.
        public var amount: Money?

        init(_ part: Part, _ kind: String, _ quantity: Int, _ unit: Unit, _ price: Price?) {
            self.part = part
            self.kind = kind
            self.unit = unit
            self.quantity = quantity
            self.price = price
            amount = price.map { price in
                switch unit {
                case .tokens: price.ofMillionth(quantity)
                case .milliseconds: price.of(milliseconds: quantity)
                case .minutes: price.of(quantity)
                }
            }
        }

        /// The item with the name of its agent.
        func of(_ agent: AgentReference) -> Item {
            var item = self
            item.agent = agent
            return item
        }
    }

    public var items: [Item] = []

    /// `nil` unless every item's amount is known.
    public var total: Money? { Self.sum(items) }

    /// The sum of a part; `nil` unless the amount of each of its items is known.
    public func total(_ part: Part) -> Money? { Self.sum(items.filter { $0.part == part }) }

    /// The sum of the part's amounts that are known.
    public func known(_ part: Part) -> Money {
        items.reduce(.zero) { $1.part == part ? $0 + ($1.amount ?? .zero) : $0 }
    }

    private static func sum(_ items: [Item]) -> Money? {
        var sum = Money.zero
        for item in items {
            guard let amount = item.amount else { return nil }
            sum = sum + amount
        }
        return sum
    }
}

// MARK: In records

extension CallCost {
    var record: JSONValue {
        .array(
            items.map { item in
                .record([
                    ("part", .string(item.part.rawValue)), ("kind", .string(item.kind)),
                    ("provider", item.agent.map { .string($0.provider.rawValue) }),
                    ("model", item.agent.map { .string($0.model) }), ("unit", .string(item.unit.rawValue)),
                    ("quantity", JSONValue(item.quantity)),
                    ("price", item.price.map { JSONValue($0.millionths) }),
                    ("amount", item.amount.map { JSONValue($0.trillionths) }),
                ])
            }
        )
    }

    /// Leaves out the items of a damaged record that cannot be read; their amounts are unknown.
    init(record: JSONValue) {
        items = (record.array ?? []).compactMap { json in
            guard let part = json["part"]?.string.flatMap(Part.init),
                let unit = json["unit"]?.string.flatMap(Unit.init),
                let kind = json["kind"]?.string
            else { return nil }
            var item = Item(part, kind, json["quantity"]?.int ?? 0, unit, nil)
            if let provider = json["provider"]?.string.flatMap(AgentProvider.init), let model = json["model"]?.string {
                item.agent = AgentReference(provider: provider, model: model)
            }
            item.price = json["price"]?.int.flatMap { Price(millionths: $0) }
            item.amount = json["amount"]?.int.map { Money(trillionths: $0) }
            return item
        }
    }
}
