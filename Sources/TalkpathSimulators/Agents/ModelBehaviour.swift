/// Behaviour of real models that clients seldom expect, each under a name. A fake model imitates the behaviours that it
/// is given.
public enum ModelBehaviour: String, Sendable, CaseIterable {
    case slowPong = "slow-pong"
    case lateTranscript = "late-transcript"
    case ignoredNoise = "noise-ignored"
    case refusedSettings = "refused-settings"
    case toolCallFirst = "tool-call-first"
    case toolCallBetween = "tool-call-between"
    case brokenArguments = "broken-arguments"
    case staleInterrupted = "stale-interrupted"
    case sideTalk = "side-talk"
    case failedResponse = "failed-response"
    case incompleteResponse = "incomplete-response"
    case rateLimit = "rate-limit"
    case goAway = "go-away"
    case longReasoning = "long-reasoning"
    case writtenAnswer = "written-answer"
    case cutCall = "cut-call"

    /// The meaning, for the help.
    public var meaning: String {
        switch self {
        case .slowPong: "pings are answered after 8 to 30 s"
        case .lateTranscript: "the caller's transcript comes 2.5 s later, after the beginning of the answer"
        case .ignoredNoise: "sounds of less than 0.7 s are no turns of the caller's"
        case .refusedSettings: "a set-up with transcription is refused (openai: once a session)"
        case .toolCallFirst: "functions are called before the words that go with them"
        case .toolCallBetween: "functions are called in the middle of the words that go with them"
        case .brokenArguments: "the first call of a function is malformed (openai: its JSON is cut short)"
        case .staleInterrupted: "an answer is called interrupted after it has ended (gemini only)"
        case .sideTalk: "a turn of the caller's is not answered: it was meant for another person"
        case .failedResponse: "an answer fails before its first word"
        case .incompleteResponse: "an answer is broken off in the middle by the model itself"
        case .rateLimit: "an answer is refused for the rate (gemini: the socket is closed)"
        case .goAway: "the session ends between the question and its answer"
        case .longReasoning: "an answer is begun, and its first word comes 9 s later"
        case .writtenAnswer: "an answer is written instead of spoken (openai only)"
        case .cutCall: "an answer that the caller interrupts ends with an incomplete call of its function (openai only)"
        }
    }

    /// True if the behaviour affects single answers. The others are always present.
    var isOccasional: Bool {
        switch self {
        case .slowPong, .lateTranscript, .ignoredNoise, .refusedSettings, .toolCallFirst, .toolCallBetween,
            .brokenArguments, .cutCall:
            false
        case .staleInterrupted, .sideTalk, .failedResponse, .incompleteResponse, .rateLimit, .goAway, .longReasoning,
            .writtenAnswer:
            true
        }
    }
}

/// The behaviours of a fake model, session by session.
public enum ModelBehaviours: Sendable, Hashable {
    case these(Set<ModelBehaviour>)
    /// None to three of them, different in each session, and the same for the same seed.
    case random(seed: UInt64)

    public static let none = ModelBehaviours.these([])

    /// Reads names separated by commas, or `random`, or `random:7`.
    ///
    /// - Returns: `nil` if a name is not known.
    public init?(words: String) {
        let parts = words.split(separator: ":", omittingEmptySubsequences: false)
        if parts.first == "random", parts.count <= 2 {
            guard let seed = parts.count == 2 ? UInt64(parts[1]) : 1 else { return nil }
            self = .random(seed: seed)
            return
        }
        var behaviours: Set<ModelBehaviour> = []
        for word in words.split(separator: ",", omittingEmptySubsequences: false) {
            guard let behaviour = ModelBehaviour(rawValue: word.filter { $0 != " " }) else { return nil }
            behaviours.insert(behaviour)
        }
        self = .these(behaviours)
    }

    public func behaviours(inSession session: Int) -> Set<ModelBehaviour> {
        switch self {
        case .these(let behaviours): return behaviours
        case .random(let seed):
            var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(truncatingIfNeeded: session)
            func next(below bound: Int) -> Int {
                // Knuth's MMIX generator. Its upper half is random enough for this choice.
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int((state >> 33) % UInt64(bound))
            }
            _ = next(below: 2)
            return Set(
                (0..<next(below: 4)).map { _ in ModelBehaviour.allCases[next(below: ModelBehaviour.allCases.count)] }
            )
        }
    }
}

/// The behaviours of one session, and the answers that they affect.
struct HabitPlan: Sendable {
    let behaviours: Set<ModelBehaviour>
    private let occasional: [ModelBehaviour]
    private var answers = 0
    private var calls = 0

    init(_ behaviours: Set<ModelBehaviour>) {
        self.behaviours = behaviours
        occasional = ModelBehaviour.allCases.filter { $0.isOccasional && behaviours.contains($0) }
    }

    func has(_ behaviour: ModelBehaviour) -> Bool { behaviours.contains(behaviour) }

    /// Returns the behaviour for the next answer. The first answer has none, so that a call can begin. Each answer
    /// after an affected one has none either, so that a repeated request is answered.
    mutating func nextAnswer() -> ModelBehaviour? {
        guard !occasional.isEmpty else { return nil }
        defer { answers += 1 }
        let place = answers % (2 * occasional.count + 1)
        return place % 2 == 1 ? occasional[place / 2] : nil
    }

    /// True if the next function call is malformed.
    mutating func breaksCall() -> Bool {
        defer { calls += 1 }
        return has(.brokenArguments) && calls == 0
    }

    var transcriptionTime: Duration { has(.lateTranscript) ? .milliseconds(2500) : .milliseconds(250) }

    /// The delay of the answer to a ping.
    static func pongDelay(_ number: Int) -> Duration { .seconds(8 + number * 9 % 23) }
}
