/// Mistakes in settings that do not depend on their meaning: quotes that a shell would have removed, or a misspelt
/// name.
enum SettingsText {
    /// Checks the names and values in the environment.
    static func problems(inEnvironment environment: [String: String]) -> [ConfigurationError.Problem] {
        environment.sorted { $0.key < $1.key }.compactMap { name, value in
            guard let setting = Setting(rawValue: name) else {
                return isMeantForUs(name) ? .init(name, unknown(name)) : nil
            }
            return flaw(of: value, in: setting).map { .init(name, $0) }
        }
    }

    // MARK: Values

    /// Returns why a value is probably a mistake; `nil` if it is not. `docker run --env-file` and systemd keep quotes
    /// and blanks in a value, unlike a shell.
    static func flaw(of text: String, in setting: Setting) -> String? {
        guard !setting.isProse, let first = text.first, let last = text.last else { return nil }
        if text.contains(where: \.isNewline) { return "must be one line" }
        if first.isWhitespace || last.isWhitespace { return "must have no blanks around it" }
        if text.count > 1, first == last, first == "\"" || first == "'" {
            return "must stand without quotes: here they are taken as a part of it"
        }
        return nil
    }

    // MARK: Names

    /// True if the name should be a setting of the server. Excludes names that other programs of the project read, and
    /// those that a cluster sets for a service called talkpath.
    private static func isMeantForUs(_ name: String) -> Bool {
        guard name.hasPrefix("TALKPATH_"), !others.contains(name) else { return false }
        return name != "TALKPATH_PORT" && !["TALKPATH_PORT_", "TALKPATH_SERVICE_"].contains(where: name.hasPrefix)
    }

    /// Names read by the commands that talk to a server, by the build, and by tests.
    static let others: Set<String> = [
        "TALKPATH_URL", "TALKPATH_API_KEY", "TALKPATH_SIMD", "TALKPATH_ONLY", "TALKPATH_SEED", "TALKPATH_SEEDS",
        "TALKPATH_BINARY", "TALKPATH_STAGES", "TALKPATH_LOOPS", "TALKPATH_TESTS", "TALKPATH_TEST_POSTGRES",
        "TALKPATH_TEST_SPEECH", "TALKPATH_TEST_MODEL", "TALKPATH_TEST_MODEL_URL", "TALKPATH_TEST_MODEL_KEY",
    ]

    static func unknown(_ name: String) -> String {
        let near = NearestName.of(name, among: Setting.allCases.map(\.rawValue)).map { "; did you mean \($0)?" } ?? ""
        return "there is no such setting\(near)"
    }
}
