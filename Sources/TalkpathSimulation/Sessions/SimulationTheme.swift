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

    static let choices: [SimulationTheme] = [
        .mixed, .mixed, .mixed, .mixed, .mixed, .mixed, .drains, .slowClosing, .lateNews, .transfers, .slowAgent,
    ]
}
