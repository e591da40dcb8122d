extension ServerConfiguration {
    private enum Switch: String, CaseIterable {
        case on, off
    }

    mutating func readConsole(_ settings: inout SettingsReader) {
        if let value = settings.word(.console, as: Switch.self) { hasConsole = value == .on }
    }

    /// True if browsers use TLS, with this server or with a proxy in front of it.
    var isReachedSecurely: Bool {
        tls != nil || (publicURL?.lowercased().hasPrefix("https:") ?? false)
    }
}
