import Configuration
import TalkpathWire

/// Looks settings up in the environment, then in the file, and collects their mistakes.
///
/// The file is one JSON object whose members are named like the settings: `{"TALKPATH_HTTP_PORT": 8080}`. An empty
/// value counts as missing.
struct SettingsReader {
    private let reader: ConfigReader
    private(set) var problems: [ConfigurationError.Problem] = []

    /// - Parameter file: the file's text.
    init(environment: [String: String], file: [UInt8]?) {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for (setting, text) in Self.members(ofFile: file, problems: &problems) {
            let value = ConfigValue(.string(text), isSecret: setting.isSecret)
            values[AbsoluteConfigKey(setting.components)] = value
        }
        problems += SettingsText.problems(inEnvironment: environment)
        reader = ConfigReader(providers: [
            EnvironmentVariablesProvider(environmentVariables: environment.filter { !$0.value.isEmpty }),
            InMemoryProvider(name: "configuration file", values: values),
        ])
    }

    private static func members(
        ofFile file: [UInt8]?,
        problems: inout [ConfigurationError.Problem]
    ) -> [(Setting, String)] {
        guard let file else { return [] }
        let members: [(key: String, value: JSONValue)]
        do {
            guard let object = try JSONValue(parsing: file).object else {
                problems.append(.init("--config", "the file must hold one JSON object"))
                return []
            }
            members = object
        } catch {
            problems.append(.init("--config", "the file is not JSON: \(error.detail)"))
            return []
        }
        var known: [(Setting, String)] = []
        for (name, value) in members {
            guard let setting = Setting(rawValue: name) else {
                problems.append(.init(name, SettingsText.unknown(name)))
                continue
            }
            guard let text = text(of: value) else {
                problems.append(.init(name, "must be a text, a number, true, false or a list of texts"))
                continue
            }
            if let flaw = SettingsText.flaw(of: text, in: setting) {
                problems.append(.init(name, flaw))
                continue
            }
            if !text.isEmpty { known.append((setting, text)) }
        }
        return known
    }

    private static func text(of value: JSONValue) -> String? {
        switch value {
        case .null: ""
        case .string(let text): text
        case .number(let number): number.text
        case .bool(let bool): bool ? "true" : "false"
        case .array(let elements):
            elements.allSatisfy { $0.string != nil } ? elements.compactMap(\.string).joined(separator: ",") : nil
        case .object: nil
        }
    }

    mutating func report(_ setting: Setting, _ message: String) {
        problems.append(.init(setting.rawValue, message))
    }

    func text(_ setting: Setting) -> String? {
        reader.string(forKey: ConfigKey(setting.components), isSecret: setting.isSecret)
    }

    /// Reads a list separated by commas. Ignores spaces around elements, and empty elements.
    func list(_ setting: Setting) -> [String]? {
        text(setting)?.split(separator: ",").map { Self.trimmed($0) }.filter { !$0.isEmpty }
    }

    mutating func integer(_ setting: Setting, in range: ClosedRange<Int>) -> Int? {
        guard let text = text(setting) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            report(setting, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    mutating func seconds(_ setting: Setting, in range: ClosedRange<Int>) -> Duration? {
        guard let text = text(setting) else { return nil }
        guard let value = Double(text), (Double(range.lowerBound)...Double(range.upperBound)).contains(value) else {
            report(setting, "must be a number of seconds from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return .seconds(value)
    }

    /// One of the words of an enumeration.
    mutating func word<Word>(_ setting: Setting, as type: Word.Type = Word.self) -> Word?
    where Word: RawRepresentable<String> & CaseIterable {
        guard let text = text(setting) else { return nil }
        guard let word = Word(rawValue: text) else {
            report(setting, "must be one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
            return nil
        }
        return word
    }

    private static func trimmed(_ text: Substring) -> String {
        let start = text.drop(while: \.isWhitespace)
        return String(start.reversed().drop(while: \.isWhitespace).reversed())
    }
}
