/// The theme of a seed: some pairs of states need several unlikely events in one call.
enum SimulationTheme {
    case mixed
    /// Long speeches, and ends that let the caller hear them.
    case drains
    /// Sockets and a store that are slow.
    case slowClosing
    /// Webhooks that arrive late, and requests that fail late.
    case lateNews
    /// Attempts to transfer the call, and a slow carrier.
    case transfers
    /// A model that is hard to reach.
    case slowAgent
    /// A call that was placed and goes on, although the request to place it is reported as failed in the end.
    case lateFailure
    /// A phone that rings for long, while the model's setup fails again and again.
    case longRinging
    /// A model that hears the caller and does not answer.
    case silentAgent
    /// A model that is lost for good, and the fallback that the caller gets.
    case lostAgent
    /// Transfers that fail at once, a carrier that says its last words for long, and lines that close late.
    case lastWords

    static let choices: [SimulationTheme] = [
        .mixed, .mixed, .mixed, .mixed, .mixed, .mixed, .drains, .slowClosing, .lateNews, .transfers, .slowAgent,
        .lateFailure, .lateFailure, .longRinging, .silentAgent, .lostAgent, .lastWords, .lastWords,
    ]

    /// True if the parties try to transfer the caller above all.
    var isAboutTransfers: Bool { self == .transfers || self == .lastWords }

    /// The origin that the call must have for this theme; `nil` for any.
    var kind: SimulatedCallKind? {
        switch self {
        case .lateFailure, .longRinging: .outbound
        case .transfers, .lastWords: .inbound
        case .mixed, .drains, .slowClosing, .lateNews, .slowAgent, .silentAgent, .lostAgent: nil
        }
    }

    /// The percentage of calls that no party ends early.
    var patience: Int {
        switch self {
        case .longRinging: 100
        case .lateNews, .transfers, .lostAgent, .lastWords: 40
        case .mixed, .drains, .slowClosing, .slowAgent, .lateFailure, .silentAgent: 10
        }
    }

    /// The percentage of ends that let the agent finish.
    var drains: Int {
        switch self {
        case .drains: 100
        case .lateNews, .slowAgent, .transfers, .lateFailure: 50
        case .lastWords: 20
        case .mixed, .slowClosing, .longRinging, .silentAgent, .lostAgent: 0
        }
    }

    /// The percentage of requests that are transfers.
    var transfers: Int {
        switch self {
        case .lastWords: 90
        case .transfers: 70
        case .lateNews, .slowAgent: 40
        case .mixed, .drains, .slowClosing, .lateFailure, .longRinging, .silentAgent, .lostAgent: 0
        }
    }

    /// The longest setup time of a model, in milliseconds.
    var agentSetup: Int {
        switch self {
        case .longRinging: 6000
        case .transfers: 1500
        case .mixed, .drains, .slowClosing, .lateNews, .slowAgent, .lateFailure, .silentAgent, .lostAgent, .lastWords:
            200
        }
    }

    /// The percentage of model sockets that break soon.
    var losses: Int {
        switch self {
        case .slowAgent, .lateFailure: 60
        case .longRinging: 30
        case .lostAgent: 100
        case .mixed, .drains, .slowClosing, .lateNews, .transfers, .silentAgent, .lastWords: 10
        }
    }

    var hasSlowSockets: Bool { self == .slowAgent || self == .longRinging }
}
