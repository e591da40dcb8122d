import TalkpathAudio

/// The outcome of a function, and whether the model has begun to speak of it.
///
/// Speech that was under way when the model was told answers something else, and goes on. The answer begins after that:
/// with a response, after a pause in the model's speech, or with any speech if the model has been silent since it
/// called the function, and so has waited for it.
///
/// Pure: instants are passed in.
struct FunctionResult: Equatable, Sendable {
    /// The model's name for the call; `nil` for an outcome that no function of the model's has brought.
    let call: String?
    let text: String
    private let calledOn: MonotonicInstant
    /// The instant at which the present session was told.
    private var toldOn: MonotonicInstant?
    private var isWaitedFor = false
    private var isBegun = false
    /// The model wants no answer to its call any more, and need not speak of it.
    private(set) var isCancelled = false

    init(_ text: String, of call: String?, calledOn: MonotonicInstant) {
        self.call = call
        self.text = text
        self.calledOn = calledOn
    }

    /// - Parameter lastAudio: the instant of the model's last speech.
    mutating func told(lastAudio: MonotonicInstant?, at now: MonotonicInstant) {
        guard toldOn == nil else { return }
        toldOn = now
        isWaitedFor = lastAudio.map { $0 <= calledOn } ?? true
    }

    /// The present session knows of it.
    var isTold: Bool { toldOn != nil }

    mutating func utteranceBegan() {
        if toldOn != nil { isBegun = true }
    }

    mutating func cancelled() { isCancelled = true }

    /// True if the answer has begun, or none is owed.
    ///
    /// - Parameter lastAudio: the instant of the model's last speech.
    func isAnswered(lastAudio: MonotonicInstant?) -> Bool {
        if isBegun || isCancelled { return true }
        guard let toldOn else { return false }
        guard isWaitedFor, let lastAudio else { return false }
        return lastAudio > toldOn
    }

    /// The next session has to be told.
    mutating func sessionLost() {
        toldOn = nil
        isWaitedFor = false
        isBegun = false
    }
}
