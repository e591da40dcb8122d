extension ServerConfiguration {
    /// The collector of the traces of calls.
    public struct Traces: Sendable {
        /// The whole address, with its path.
        public var address: String
        /// Sent with every request, such as a collector's key.
        public var headers: [(name: String, value: String)]
        /// The name under which the collector shows the spans.
        public var service: String

        public init(address: String, headers: [(name: String, value: String)] = [], service: String = "talkpath") {
            self.address = address
            self.headers = headers
            self.service = service
        }
    }

    private enum Switch: String, CaseIterable {
        case on, off
    }

    mutating func readTraces(_ settings: inout SettingsReader) {
        if let value = settings.word(.traceContent, as: Switch.self) { tracesHoldContent = value == .on }
        let base = settings.text(.tracesEndpoint).map {
            ($0.hasSuffix("/") ? String($0.dropLast()) : $0) + OTLPMessage.path
        }
        guard let address = base else { return }
        var traces = Traces(address: address, service: settings.text(.tracesService) ?? "talkpath")
        for pair in settings.list(.tracesHeaders) ?? [] {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else {
                settings.report(.tracesHeaders, "must be NAME=VALUE, several of them separated by commas")
                continue
            }
            traces.headers.append((name: String(parts[0]), value: String(parts[1])))
        }
        self.traces = traces
    }

    func traceProblems() -> [ConfigurationError.Problem] {
        guard let traces else { return [] }
        do throws(OutboundAddressError) {
            let policy = OutboundAddressPolicy(allowsPlain: true, allowsPrivate: true)
            let url = try policy.parse(traces.address)
            guard url.scheme == .http || url.scheme == .https else {
                return [problem(.tracesEndpoint, "must begin with http:// or https://")]
            }
            if !traces.headers.isEmpty, !url.scheme.isSecure, !isDevelopment, !Loopback.isLoopback(host: url.host) {
                return [
                    problem(.tracesEndpoint, "must be https:// where headers are sent: they hold the collector's key")
                ]
            }
            return []
        } catch {
            return [problem(.tracesEndpoint, error.message)]
        }
    }
}
