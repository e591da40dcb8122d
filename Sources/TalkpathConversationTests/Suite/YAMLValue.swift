import Foundation
import TalkpathServer
import TalkpathWire
import Yams

/// A value of a suite's file, with its place and its name. Every reading names what is wrong with its line and column.
struct YAMLValue {
    let node: Node
    /// The value in the file's words, such as `tests[2].caller[1].after`.
    let path: String
    let file: String

    init(_ node: Node, path: String, file: String) {
        self.node = node
        self.path = path
        self.file = file
    }

    /// - Returns: the file's one document.
    static func read(_ text: String, file: String) throws(SuiteFault) -> YAMLValue {
        do {
            guard let node = try Yams.compose(yaml: text) else {
                throw SuiteFault(file: file, line: 1, column: 1, words: "the file is empty: a suite needs tests")
            }
            return YAMLValue(node, path: "", file: file)
        } catch let fault as SuiteFault {
            throw fault
        } catch {
            throw notYAML(error, file)
        }
    }

    private static func notYAML(_ error: any Error, _ file: String) -> SuiteFault {
        func fault(_ mark: Mark, _ words: String) -> SuiteFault {
            SuiteFault(file: file, line: max(1, mark.line), column: max(1, mark.column), words: "not YAML: \(words)")
        }
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _)?, .parser(_, let problem, let mark, _)?,
            .composer(_, let problem, let mark, _)?:
            return fault(mark, problem)
        case .duplicatedKeysInMapping(let keys, let context)?:
            return fault(context.mark, "'\(keys.first ?? "a member")' stands twice here")
        default:
            return SuiteFault(file: file, line: 1, column: 1, words: "not YAML: \(error)")
        }
    }

    /// The line of the value, from 1 on.
    var line: Int { node.mark?.line ?? 1 }

    func fault(_ words: String) -> SuiteFault {
        SuiteFault(file: file, line: line, column: node.mark?.column ?? 1, words: words)
    }

    private var name: String { path.isEmpty ? "the suite" : "'\(path)'" }

    private func wrongType(_ wanted: String) -> SuiteFault { fault("\(name) must be \(wanted), and is \(kind)") }

    private var kind: String {
        switch node {
        case .mapping: return "a mapping"
        case .sequence: return "a list"
        case .alias: return "an alias"
        case .scalar(let scalar):
            if isNull { return "empty" }
            return scalar.string.count <= 40 ? "'\(scalar.string)'" : "a text"
        }
    }

    private var isQuoted: Bool {
        guard case .scalar(let scalar) = node else { return false }
        return scalar.style != .plain && scalar.style != .any
    }

    var isNull: Bool { !isQuoted && node.null != nil }
    var isMapping: Bool { node.mapping != nil }
    var isList: Bool { node.sequence != nil }

    // MARK: Structure

    /// The members of a mapping.
    func members() throws(SuiteFault) -> [(name: String, value: YAMLValue)] {
        guard case .mapping(let mapping) = node else { throw wrongType("a mapping of names to values") }
        var members: [(name: String, value: YAMLValue)] = []
        for (key, value) in mapping {
            guard let name = key.string else { throw fault("a name must be a text") }
            members.append((name, YAMLValue(value, path: path.isEmpty ? name : "\(path).\(name)", file: file)))
        }
        return members
    }

    /// The members of a mapping that may have these and no others.
    func members(_ allowed: [String]) throws(SuiteFault) -> [String: YAMLValue] {
        guard case .mapping(let mapping) = node else { throw wrongType("a mapping of names to values") }
        var members: [String: YAMLValue] = [:]
        for (key, value) in mapping {
            let name = key.string ?? ""
            guard allowed.contains(name) else {
                let hint = NearestName.of(name, among: allowed).map { "; did you mean '\($0)'?" } ?? ""
                let place = YAMLValue(key, path: path, file: file)
                throw place.fault(
                    "\(self.name) has no member '\(name)'\(hint) (it may have \(allowed.joined(separator: ", ")))"
                )
            }
            members[name] = YAMLValue(value, path: path.isEmpty ? name : "\(path).\(name)", file: file)
        }
        return members
    }

    func list() throws(SuiteFault) -> [YAMLValue] {
        guard case .sequence(let sequence) = node else { throw wrongType("a list") }
        return sequence.enumerated().map { YAMLValue($1, path: "\(path)[\($0 + 1)]", file: file) }
    }

    /// The elements of a list, or the one value that stands in its place. An empty list would check nothing.
    func oneOrMore() throws(SuiteFault) -> [YAMLValue] {
        guard isList else { return [self] }
        let elements = try list()
        guard !elements.isEmpty else { throw fault("\(name) is an empty list: leave it out, or write what is meant") }
        return elements
    }

    // MARK: Values

    func text() throws(SuiteFault) -> String {
        guard case .scalar(let scalar) = node, !isNull else { throw wrongType("a text") }
        return scalar.string
    }

    func word(of allowed: [String]) throws(SuiteFault) -> String {
        let word = try text()
        guard allowed.contains(word) else {
            let hint = NearestName.of(word, among: allowed).map { "; did you mean '\($0)'?" } ?? ""
            throw fault("\(name) must be one of \(allowed.joined(separator: ", ")), and is '\(word)'\(hint)")
        }
        return word
    }

    func bool() throws(SuiteFault) -> Bool {
        guard !isQuoted, let bool = node.bool else { throw wrongType("true or false") }
        return bool
    }

    func integer(_ range: ClosedRange<Int>) throws(SuiteFault) -> Int {
        guard !isQuoted, let number = node.int, range.contains(number) else {
            throw wrongType("a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func number() throws(SuiteFault) -> Double {
        guard !isQuoted, let number = node.float, number.isFinite else { throw wrongType("a number") }
        return number
    }

    /// A share, written as `80%` or `99.95%`.
    func share() throws(SuiteFault) -> Share {
        guard case .scalar(let scalar) = node, scalar.string.hasSuffix("%"), let share = Share(scalar.string.dropLast())
        else { throw wrongType("a share such as 80%, with four digits after the point at most") }
        return share
    }

    /// Milliseconds, written as `700ms`, `1.5s` or `2m`.
    func milliseconds() throws(SuiteFault) -> Int {
        guard case .scalar(let scalar) = node, let milliseconds = Self.milliseconds(scalar.string) else {
            throw wrongType("a time such as 700ms, 1.5s or 2m")
        }
        return milliseconds
    }

    private static func milliseconds(_ text: String) -> Int? {
        for (unit, factor) in [("ms", 1.0), ("s", 1000.0), ("m", 60_000.0)] where text.hasSuffix(unit) {
            guard let value = Double(text.dropLast(unit.count)), (0...86_400_000).contains(value * factor) else {
                return nil
            }
            return Int((value * factor).rounded())
        }
        return nil
    }

    /// The value as JSON: texts in quotation marks stay texts.
    func json() throws(SuiteFault) -> JSONValue {
        switch node {
        case .mapping:
            var members: [(key: String, value: JSONValue)] = []
            for (name, value) in try self.members() { members.append((name, try value.json())) }
            return .object(members)
        case .sequence:
            var elements: [JSONValue] = []
            for element in try list() { elements.append(try element.json()) }
            return .array(elements)
        case .alias: throw fault("\(name) is an alias without an anchor")
        case .scalar(let scalar):
            // To YAML 1.1 a time of day is a number of minutes.
            if isQuoted || scalar.string.contains(":") { return .string(scalar.string) }
            if node.null != nil { return .null }
            if let bool = node.bool { return .bool(bool) }
            if let integer = node.int { return JSONValue(integer) }
            if let number = node.float, let exact = JSONNumber(number) { return .number(exact) }
            return .string(scalar.string)
        }
    }
}
