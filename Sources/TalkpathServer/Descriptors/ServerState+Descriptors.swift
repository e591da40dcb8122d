import Logging
import TalkpathHTTP

/// Keeps the server from running out of descriptors.
extension ServerState {
    /// Reports a call that was refused because the process has too few descriptors left.
    func noteCallRefusedForDescriptors() {
        tell(
            "A call was refused: the process has too few descriptors left. Raise its limit (ulimit -n, LimitNOFILE)",
            cause: "descriptors: call",
            metadata: ["limit": "\(descriptors.limit)"]
        )
    }

    /// Warns at the start if the descriptors do not suffice for the calls that the settings allow.
    func warnOfFewDescriptors() {
        let fitting = descriptors.calls
        guard fitting < configuration.maximumCalls else { return }
        logger.warning(
            """
            The process may open too few descriptors for TALKPATH_MAX_CALLS: calls beyond those that fit are refused. \
            Raise the limit (ulimit -n, LimitNOFILE) or lower the setting
            """,
            metadata: [
                "limit": "\(descriptors.limit)", "calls_that_fit": "\(fitting)",
                "TALKPATH_MAX_CALLS": "\(configuration.maximumCalls)",
            ]
        )
    }
}

extension ConnectionBudget {
    /// The budget of the server's one port.
    ///
    /// - Parameter tell: writes a warning, at most once a minute for each cause.
    convenience init(
        _ configuration: ServerConfiguration,
        _ descriptors: DescriptorBudget,
        tell: @escaping @Sendable (_ message: Logger.Message, _ cause: String) -> Void
    ) {
        self.init(
            maximum: descriptors.connections,
            maximumPerAddress: configuration.connectionsPerAddress ?? max(1, descriptors.connections * 3 / 4),
            mostRefusals: descriptors.reserve / 4,
            isScarce: { descriptors.isScarce(at: $0) },
            onPressure: { pressure in
                let message: Logger.Message =
                    switch pressure {
                    case .displacedIdle: "Connections without a request were closed to make room for others"
                    case .refused: "Connections were refused: all that there may be are at work"
                    case .refusedAddress: "Connections were refused: one address has too many"
                    }
                tell(message, "connections: \(pressure.rawValue)")
            }
        )
    }
}
