/// A rule of a port. Its name is what a finding shows.
public protocol ContractRule: RawRepresentable<String>, CaseIterable, Hashable, Sendable {}

/// A rule that an implementation broke.
public struct ContractFinding<Rule: ContractRule>: Equatable, Sendable, CustomStringConvertible {
    public var rule: Rule
    /// The steps that led to the finding.
    public var situation: String
    public var expected: String
    public var seen: String

    public init(rule: Rule, situation: String, expected: String, seen: String) {
        self.rule = rule
        self.situation = situation
        self.expected = expected
        self.seen = seen
    }

    public var description: String { "\(rule.rawValue): \(situation): expected \(expected), but saw \(seen)" }
}

/// The result of a contract's check. Its description is fit for a terminal and for a test's failure.
public struct ContractReport<Rule: ContractRule>: Equatable, Sendable, CustomStringConvertible {
    /// The rules that were tried.
    public internal(set) var checked: [Rule] = []
    /// The rules that the stage could not play. Name those that you expect in your test, so that none is left out
    /// unseen.
    public internal(set) var unchecked: [Rule] = []
    public internal(set) var findings: [ContractFinding<Rule>] = []

    /// True if no rule that was tried is broken.
    public var isKept: Bool { findings.isEmpty }

    /// The rules that are broken.
    public var broken: Set<Rule> { Set(findings.map(\.rule)) }

    public var description: String {
        var lines = ["\(checked.count) rules checked, \(broken.count) broken"]
        if !unchecked.isEmpty { lines[0] += ", not checked: \(unchecked.map(\.rawValue).joined(separator: ", "))" }
        return (lines + findings.map(\.description)).joined(separator: "\n")
    }
}
