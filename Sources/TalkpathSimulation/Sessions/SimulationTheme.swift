/// What a seed is about: some pairs of states take more than one unlikely thing to come together.
enum SimulationTheme {
    case mixed
    /// Long speeches, and ends that let them be heard.
    case drains
    /// Sockets that take their time to close, and a store that takes its own.
    case slowClosing
    /// Webhooks that come late, and orders that fail late.
    case lateNews
    /// Attempts to hand the call over, and a carrier that hesitates.
    case transfers
    /// A model that is hard to reach.
    case slowAgent
    /// A call that was placed and goes on, though the order is said to have failed in the end.
    case lateFailure
    /// A phone that rings and rings, while the model is hard to set up.
    case longRinging
    /// A model that hears the caller and does not answer.
    case silentAgent
    /// A model that is lost for good, and what the caller gets instead.
    case lostAgent

    static let choices: [SimulationTheme] = [
        .mixed, .mixed, .mixed, .mixed, .mixed, .mixed, .drains, .slowClosing, .lateNews, .transfers, .slowAgent,
        .lateFailure, .longRinging, .silentAgent, .lostAgent,
    ]

    /// How the call must come about for it.
    var kind: SimulatedCallKind? {
        switch self {
        case .lateFailure, .longRinging: .outbound
        case .transfers: .inbound
        case .mixed, .drains, .slowClosing, .lateNews, .slowAgent, .silentAgent, .lostAgent: nil
        }
    }

    /// In how many of a hundred calls nobody is in a hurry.
    var patience: Int {
        switch self {
        case .longRinging: 100
        case .lateNews, .transfers, .lostAgent: 40
        case .mixed, .drains, .slowClosing, .slowAgent, .lateFailure, .silentAgent: 10
        }
    }

    /// In how many of a hundred calls those who end it prefer to let the agent finish.
    var drains: Int {
        switch self {
        case .drains: 100
        case .lateNews, .slowAgent, .transfers, .lateFailure: 50
        case .mixed, .slowClosing, .longRinging, .silentAgent, .lostAgent: 0
        }
    }

    /// In how many of a hundred calls those who talk with it want to hand it over.
    var transfers: Int {
        switch self {
        case .transfers: 70
        case .lateNews, .slowAgent: 40
        case .mixed, .drains, .slowClosing, .lateFailure, .longRinging, .silentAgent, .lostAgent: 0
        }
    }

    /// The longest that a model takes to be set up.
    var agentSetup: Int {
        switch self {
        case .longRinging: 6000
        case .transfers: 1500
        case .mixed, .drains, .slowClosing, .lateNews, .slowAgent, .lateFailure, .silentAgent, .lostAgent: 200
        }
    }

    /// In how many of a hundred a socket to the model breaks soon.
    var losses: Int {
        switch self {
        case .slowAgent, .lateFailure: 60
        case .longRinging: 30
        case .lostAgent: 100
        case .mixed, .drains, .slowClosing, .lateNews, .transfers, .silentAgent: 10
        }
    }

    var hasSlowSockets: Bool { self == .slowAgent || self == .longRinging }
}
