import TalkpathCore

/// The coverage as a table: a row for each event, and a column for each state of each part of a call.
package struct CoverageTable {
    private let coverage: SessionCoverage

    package init(_ coverage: SessionCoverage) {
        self.coverage = coverage
    }

    package var text: String {
        let (carrier, rest) = (SessionPart.all.filter(\.isCarrier), SessionPart.all.filter { !$0.isCarrier })
        var text = "how often each event (row) found a call in each state (column); - cannot occur, 0 not seen\n\n"
        text += block(carrier) + "\n" + block(rest) + "\n"
        text += "\(coverage.reachable - coverage.unvisited.count) of \(coverage.reachable) reachable pairs visited; "
        text += "\(coverage.combinedStates) combined states, \(coverage.counts.count) pairs of those\n"
        for pair in coverage.unvisited { text += "not visited: \(pair)\n" }
        for pair in coverage.unvisitedEndings { text += "not visited: \(pair)\n" }
        for pair in coverage.impossible { text += "visited, although it cannot occur: \(pair)\n" }
        for pair in coverage.impossibleEndings { text += "visited, although it cannot occur: \(pair)\n" }
        text += "rarest: " + coverage.rarest(5).map { "\($0.pair) \($0.count)" }.joined(separator: ", ") + "\n\n"
        return text + endings
    }

    private var endings: String {
        var text = "how often each ender (column) interrupted each activity (row); - cannot occur\n\n"
        text += Self.cell("", Self.nameWidth, isLeft: true)
        text += SimulatedEnder.allCases.map { Self.cell($0.rawValue, Self.enderWidth) }.joined() + "\n"
        for activity in CallActivity.allCases {
            text += Self.cell(activity.rawValue, Self.nameWidth, isLeft: true)
            for ender in SimulatedEnder.allCases {
                let count = coverage.endings[.init(ender: ender, activity: activity), default: 0]
                let isDash = count == 0 && UnreachablePairs.reason(ender, during: activity) != nil
                text += Self.cell(isDash ? "-" : Self.short(count), Self.enderWidth)
            }
            text += "\n"
        }
        return text
    }

    private static let enderWidth = 13

    private func block(_ parts: [SessionPart]) -> String {
        var text = Self.cell("", Self.nameWidth, isLeft: true) + parts.map { Self.cell($0.description) }.joined() + "\n"
        for input in SessionInput.all {
            text += Self.cell(input.name, Self.nameWidth, isLeft: true)
            for part in parts {
                let count = coverage.count(input, part)
                let isDash = count == 0 && UnreachablePairs.reason(input, part) != nil
                text += Self.cell(isDash ? "-" : Self.short(count))
            }
            text += "\n"
        }
        return text
    }

    private static let nameWidth = 21

    private static func cell(_ text: String, _ width: Int = 11, isLeft: Bool = false) -> String {
        let padding = String(repeating: " ", count: max(1, width - text.count))
        return isLeft ? text + padding : padding + text
    }

    private static func short(_ count: Int) -> String {
        switch count {
        case ..<10_000: "\(count)"
        case ..<10_000_000: "\(count / 1000)k"
        default: "\(count / 1_000_000)M"
        }
    }
}

extension SessionPart {
    var isCarrier: Bool { if case .carrier = self { true } else { false } }
}
