/// The behaviour of one call: whether it is answered, what the person does, and faults of the line.
public struct CallBehavior: Sendable {
    public enum Outcome: Sendable, Hashable {
        /// The call is answered after that much ringing.
        case answers(ringing: Duration)
        case busy
        /// The call rings for that long (at most the request's `Timeout`) and is not answered.
        case noAnswer(ringing: Duration)
        case fails
    }

    /// The outcome at a number that `<Dial>` dials.
    public struct Dialled: Sendable, Hashable {
        public enum Fate: Sendable, Hashable {
            /// Answers after that much ringing; how long the two talk stands in ``CallBehavior/dialDuration``.
            case answers(ringing: Duration)
            case busy, noAnswer, fails
        }

        /// The way of the callbacks to the other side: the leg's status, and the request for the caller's next
        /// instructions.
        public enum Callbacks: Sendable, Hashable {
            case prompt
            case late(Duration)
            case repeated
            /// The leg's status does not come; the question does.
            case statusLost
            /// Neither comes: the carrier then ends the call.
            case lost
        }

        public var fate: Fate
        public var callbacks: Callbacks

        public init(_ fate: Fate = .answers(ringing: .milliseconds(100)), callbacks: Callbacks = .prompt) {
            self.fate = fate
            self.callbacks = callbacks
        }
    }

    /// The party at the other end of the media stream.
    public enum Party: Sendable {
        case person(PhoneScript)
        /// Recorded messages instead of a person.
        case replay(MediaStreamReplay)
    }

    public enum StreamFault: Sendable, Hashable {
        /// A TCP reset that long after the start.
        case vanish(after: Duration)
        /// The TCP stream ends without `stop` and without a close frame.
        case endStream(after: Duration)
        /// `connected`, but never `start`.
        case neverStarts
        /// Neither reads nor writes any more, but keeps the connection.
        case freezes(after: Duration)
    }

    public var outcome: Outcome
    /// From the request until it rings.
    public var dialing: Duration
    public var party: Party
    public var streamFault: StreamFault?
    /// The result of answering-machine detection, where it was asked for: `human`, `machine_start`, …
    public var answeredBy: String
    /// The time that detection takes from the answer on.
    public var detectionTime: Duration
    /// Outcomes at the numbers that `<Dial>` dials.
    public var dialled = Dialled()
    /// The time for which a party dialled by `<Dial>` talks.
    public var dialDuration: Duration
    /// The delay of the carrier's notice that a mark was played or cleared.
    public var markDelay: Duration

    public init(
        outcome: Outcome = .answers(ringing: .milliseconds(200)),
        dialing: Duration = .milliseconds(50),
        party: Party = .person(.silent),
        streamFault: StreamFault? = nil,
        answeredBy: String = "human",
        detectionTime: Duration = .milliseconds(500),
        dialDuration: Duration = .seconds(5),
        markDelay: Duration = .zero
    ) {
        self.outcome = outcome
        self.dialing = dialing
        self.party = party
        self.streamFault = streamFault
        self.answeredBy = answeredBy
        self.detectionTime = detectionTime
        self.dialDuration = dialDuration
        self.markDelay = markDelay
    }

    /// Answers after a moment and does what the script says.
    public static func answers(_ script: PhoneScript) -> CallBehavior {
        CallBehavior(party: .person(script))
    }
}

/// Something that goes wrong at the carrier's REST interface.
public struct RESTFault: Sendable, Hashable {
    public enum Request: Sendable, Hashable { case any, create, update, fetch, list, delete, other }

    public enum Action: Sendable, Hashable {
        /// Does the work that much later.
        case delay(Duration)
        /// Does the work at once, and answers that much later.
        case answerLate(Duration)
        /// Does the work and never answers.
        case neverAnswer
        /// Never even looks at it.
        case ignore
        /// Refuses with Twilio's error JSON.
        case fail(status: Int, code: Int, message: String)
        /// 429 / 20429 with `Retry-After` in seconds; nil: without.
        case tooManyRequests(retryAfter: Int?)
        /// A TCP reset, the work undone.
        case drop
        /// Does the work, then a TCP reset.
        case performAndDrop
    }

    public var request: Request
    public var action: Action
    /// The number of times that it takes place; nil: always.
    public var times: Int?

    public init(_ action: Action, on request: Request = .any, times: Int? = 1) {
        self.action = action
        self.request = request
        self.times = times
    }
}
