/// What real models do and clients seldom expect, each by its name. A fake model plays those that it is given.
public enum ModelHabit: String, Sendable, CaseIterable {
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

    /// For the help.
    public var meaning: String {
        switch self {
        case .slowPong: "pings are answered after 8 to 30 s"
        case .lateTranscript: "what the caller said is written down 2.5 s later, behind the answer's beginning"
        case .ignoredNoise: "sounds of less than 0.7 s are no turns of the caller's"
        case .refusedSettings: "a set-up with transcription is refused (openai: once a session)"
        case .toolCallFirst: "functions are called before the words that go with them"
        case .toolCallBetween: "functions are called in the middle of the words that go with them"
        case .brokenArguments: "the first call of a function is malformed (openai: its JSON is cut short)"
        case .staleInterrupted: "an answer is called interrupted after it has ended (gemini only)"
        case .sideTalk: "a turn of the caller's is not answered: it was meant for somebody else"
        case .failedResponse: "an answer fails before its first word"
        case .incompleteResponse: "an answer is broken off in the middle by the model itself"
        case .rateLimit: "an answer is refused for the rate (gemini: the socket is closed)"
        case .goAway: "the session ends between the question and its answer"
        case .longReasoning: "an answer is begun, and its first word comes 9 s later"
        }
    }

    /// Comes over one answer now and then; the others are always there.
    var isOccasional: Bool {
        switch self {
        case .slowPong, .lateTranscript, .ignoredNoise, .refusedSettings, .toolCallFirst, .toolCallBetween,
            .brokenArguments:
            false
        case .staleInterrupted, .sideTalk, .failedResponse, .incompleteResponse, .rateLimit, .goAway, .longReasoning:
            true
        }
    }
}

/// The habits of a fake model, session by session.
public enum ModelHabits: Sendable, Hashable {
    case these(Set<ModelHabit>)
    /// None to three of them, differently in each session, and the same way for the same seed.
    case random(seed: UInt64)

    public static let none = ModelHabits.these([])

    /// Reads names with commas between them, or `random`, or `random:7`.
    ///
    /// - Returns: nil if a name is not known.
    public init?(words: String) {
        let parts = words.split(separator: ":", omittingEmptySubsequences: false)
        if parts.first == "random", parts.count <= 2 {
            guard let seed = parts.count == 2 ? UInt64(parts[1]) : 1 else { return nil }
            self = .random(seed: seed)
            return
        }
        var habits: Set<ModelHabit> = []
        for word in words.split(separator: ",", omittingEmptySubsequences: false) {
            guard let habit = ModelHabit(rawValue: word.filter { $0 != " " }) else { return nil }
            habits.insert(habit)
        }
        self = .these(habits)
    }

    public func habits(inSession session: Int) -> Set<ModelHabit> {
        switch self {
        case .these(let habits): return habits
        case .random(let seed):
            var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(truncatingIfNeeded: session)
            func next(below bound: Int) -> Int {
                // Numerical Recipes' generator; its upper half is good enough to choose by.
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int((state >> 33) % UInt64(bound))
            }
            _ = next(below: 2)
            return Set((0..<next(below: 4)).map { _ in ModelHabit.allCases[next(below: ModelHabit.allCases.count)] })
        }
    }
}

/// The habits of one session, and over which answers they come.
struct HabitPlan: Sendable {
    let habits: Set<ModelHabit>
    private let occasional: [ModelHabit]
    private var answers = 0
    private var calls = 0

    init(_ habits: Set<ModelHabit>) {
        self.habits = habits
        occasional = ModelHabit.allCases.filter { $0.isOccasional && habits.contains($0) }
    }

    func has(_ habit: ModelHabit) -> Bool { habits.contains(habit) }

    /// What comes over the next answer. The first answer is spared, so that a call gets going, and so is each that follows
    /// one that was struck: whoever asks again is answered.
    mutating func nextAnswer() -> ModelHabit? {
        guard !occasional.isEmpty else { return nil }
        defer { answers += 1 }
        let place = answers % (2 * occasional.count + 1)
        return place % 2 == 1 ? occasional[place / 2] : nil
    }

    /// Whether the next call of a function is malformed.
    mutating func breaksCall() -> Bool {
        defer { calls += 1 }
        return has(.brokenArguments) && calls == 0
    }

    var transcriptionTime: Duration { has(.lateTranscript) ? .milliseconds(2500) : .milliseconds(250) }

    /// How long a ping waits for its answer.
    static func pongDelay(_ number: Int) -> Duration { .seconds(8 + number * 9 % 23) }
}
