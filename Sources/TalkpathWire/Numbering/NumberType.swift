/// The type of a telephone number in a numbering plan.
///
/// `NumberingTable` contains the raw values.
public enum NumberType: UInt8, CaseIterable, Hashable, Sendable {
    case unknown = 0
    case fixedLine = 1
    case mobile = 2
    /// Plans such as North America's do not distinguish the two.
    case fixedOrMobile = 3
    case tollFree = 4
    case premiumRate = 5
    /// The caller pays a part of the service's price.
    case sharedCost = 6
    case voip = 7
    /// A number that follows its owner from line to line, often at a price.
    case personal = 8
    case pager = 9
    /// A company's number for a whole country (universal access number).
    case uan = 10
    case voicemail = 11
    /// A service's short number, such as directory inquiries. It cannot be dialled in E.164.
    case short = 12
    case emergency = 13

    /// The type's name in settings: `fixed_line`.
    public var word: String {
        switch self {
        case .unknown: "unknown"
        case .fixedLine: "fixed_line"
        case .mobile: "mobile"
        case .fixedOrMobile: "fixed_or_mobile"
        case .tollFree: "toll_free"
        case .premiumRate: "premium_rate"
        case .sharedCost: "shared_cost"
        case .voip: "voip"
        case .personal: "personal"
        case .pager: "pager"
        case .uan: "uan"
        case .voicemail: "voicemail"
        case .short: "short"
        case .emergency: "emergency"
        }
    }

    public init?(word: String) {
        guard let type = Self.allCases.first(where: { $0.word == word }) else { return nil }
        self = type
    }
}

/// A set of number types, in two bytes.
public struct NumberTypes: OptionSet, Hashable, Sendable {
    public var rawValue: UInt16

    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    public init(_ types: some Sequence<NumberType>) {
        rawValue = types.reduce(0) { $0 | 1 << UInt16($1.rawValue) }
    }

    /// The short numbers, including those of emergency services.
    static let short = NumberTypes([NumberType.short, .emergency])

    public func contains(_ type: NumberType) -> Bool { rawValue & 1 << UInt16(type.rawValue) != 0 }
}
