public import TalkpathAudio

/// The record of one call, as the carrier saw it.
public struct CallRecord: Sendable {
    public struct Status: Sendable, Hashable {
        public var instant: MonotonicInstant
        public var status: String
    }

    /// A request to the other side's HTTP server.
    public struct Webhook: Sendable, Hashable {
        public var instant: MonotonicInstant
        /// `voice`, the name of a status event, or of a stream event.
        public var event: String
        public var url: String
        /// Names and values in the order they were sent.
        public var fields: [Field]
        /// The answer's HTTP status; 0: none came.
        public var answer: Int

        public struct Field: Sendable, Hashable {
            public var name: String
            public var value: String
        }

        public subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
    }

    public var sid: String
    public var from: String
    public var to: String
    /// `inbound` or `outbound-api`.
    public var direction: String
    public var statuses: [Status] = []
    public var webhooks: [Webhook] = []
    public var streams: [MediaStreamRecord] = []
    /// Errors in the TwiML, the webhooks or the media sockets, with the carrier's codes.
    public var errors: [String] = []
    /// The words that `<Say>` said to the caller.
    public var said: [String] = []
    public var dialled: [String] = []
    /// The limit of the call's duration, if one was given.
    public var timeLimit: Duration?
    /// Seconds from answer to end, once it is over.
    public var durationSeconds: Int?

    public var status: String { statuses.last?.status ?? "queued" }
    public var isOver: Bool {
        ["completed", "busy", "failed", "no-answer", "canceled"].contains(status)
    }
}
