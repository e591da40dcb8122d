/// The port, signatures and behaviour of the fake carrier.
public struct FakeTwilioConfiguration: Sendable {
    /// The address that the media socket's signature covers.
    public enum StreamSignature: Sendable, Hashable {
        /// The `wss` URL as it stands in the TwiML.
        case wss
        /// The same with `https`.
        case https
        /// No signature, as from a client that is not the carrier.
        case none
    }

    public var host: String
    /// 0: any free one.
    public var port: Int
    public var accountSID: String
    /// Checks REST requests (Basic) and signs webhooks.
    public var authToken: String
    /// API keys that may be used instead: SID to secret.
    public var apiKeys: [String: String]
    /// The account's numbers: a call from another one is refused. Empty accepts any number.
    public var numbers: [String]
    /// `host:port` of the server that is tried: requests for every public URL go there, over plain HTTP, while
    /// signatures are over the URL as it was given. nil: to the URL's own host, http only.
    public var connectTo: String?
    /// Makes of a media stream's `wss` URL the `ws` URL to connect to; nil: `connectTo`.
    public var rewriteStreamURL: (@Sendable (String) -> String)?
    public var streamSignature: StreamSignature
    /// The behaviour of outbound calls, by number called; the calls are counted from 0.
    public var behavior: @Sendable (_ to: String, _ number: Int) -> CallBehavior
    public var faults: [RESTFault]
    public var webhookTimeout: Duration
    public var pace: Pace
    /// Tells whether audio is recorded.
    public var keepsAudio: Bool
    /// Event loops, each a thread.
    public var threads: Int
    public var timeline: SimulatorTimeline

    public init(
        host: String = "127.0.0.1",
        port: Int = 0,
        accountSID: String = "AC00000000000000000000000000000001",
        authToken: String = "12345678901234567890123456789012",
        connectTo: String? = nil,
        behavior: CallBehavior = CallBehavior(),
        faults: [RESTFault] = [],
        pace: Pace = .realTime,
        keepsAudio: Bool = true,
        threads: Int = 1,
        timeline: SimulatorTimeline = SimulatorTimeline()
    ) {
        self.host = host
        self.port = port
        self.accountSID = accountSID
        self.authToken = authToken
        self.connectTo = connectTo
        self.behavior = { _, _ in behavior }
        self.faults = faults
        self.pace = pace
        self.keepsAudio = keepsAudio
        self.threads = threads
        self.timeline = timeline
        apiKeys = [:]
        numbers = []
        rewriteStreamURL = nil
        streamSignature = .wss
        webhookTimeout = .seconds(15)
    }
}
