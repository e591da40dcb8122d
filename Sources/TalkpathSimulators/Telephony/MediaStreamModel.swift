public import TalkpathAudio
internal import TalkpathWire

/// The carrier's end of a bidirectional media stream with a person behind it. Sans-IO.
///
/// After each call take the messages to send with ``takeOutputs()``.
public struct MediaStreamModel: Sendable {
    /// The data of the stream's `start` message.
    public struct Identity: Sendable, Hashable {
        public var accountSID: String
        public var callSID: String
        public var streamSID: String
        /// In the order of the `<Parameter>` elements.
        public var parameters: [Parameter]

        public struct Parameter: Sendable, Hashable {
            public var name: String
            public var value: String

            public init(name: String, value: String) {
                self.name = name
                self.value = value
            }
        }

        public init(accountSID: String, callSID: String, streamSID: String, parameters: [Parameter] = []) {
            self.accountSID = accountSID
            self.callSID = callSID
            self.streamSID = streamSID
            self.parameters = parameters
        }
    }

    public enum Output: Sendable, Hashable {
        /// A text message.
        case send([UInt8])
        /// The person put down the phone.
        case hangUp
        case event(SimulatorEvent.Kind)
    }

    public let identity: Identity
    public private(set) var isStopped = false

    private var record: MediaStreamRecord
    private var playout: PlayoutModel
    private var user: PhoneUserModel
    private var outputs: [Output] = []
    private var sequenceNumber = 0
    private var chunk = 0
    private var lastHeard: [UInt8]?
    private let markDelay: Duration
    /// Echoes that are held back, oldest first.
    private var lateEchoes: [(echo: PlayoutModel.Echo, due: MonotonicInstant)] = []

    /// - Parameters:
    ///   - start: when the first frame is due.
    ///   - keepsAudio: true if what is heard and said is recorded: 16 kB a second together.
    ///   - markDelay: how much later than it happened a mark's echo is sent.
    public init(
        identity: Identity,
        script: PhoneScript,
        start: MonotonicInstant,
        seed: UInt64 = 1,
        keepsAudio: Bool = true,
        markDelay: Duration = .zero
    ) {
        self.markDelay = markDelay
        self.identity = identity
        record = MediaStreamRecord(streamSID: identity.streamSID, start: start)
        playout = PlayoutModel(start: start, keepsHeard: keepsAudio)
        user = PhoneUserModel(script: script, start: start, seed: seed, keepsSaid: keepsAudio)
    }

    public mutating func takeOutputs() -> [Output] {
        defer { outputs.removeAll(keepingCapacity: true) }
        return outputs
    }

    /// The next instant at which ``advance(to:)`` has work.
    public var nextDeadline: MonotonicInstant { playout.nextFrame }

    /// Says hello: `connected` and `start`.
    public mutating func open() {
        send(["event": "connected", "protocol": "Call", "version": "1.0.0"])
        let parameters = JSONValue.object(identity.parameters.map { ($0.name, .string($0.value)) })
        sendNumbered(
            "start",
            [
                "streamSid": .string(identity.streamSID), "accountSid": .string(identity.accountSID),
                "callSid": .string(identity.callSID), "tracks": ["inbound"], "customParameters": parameters,
                "mediaFormat": ["encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1],
            ]
        )
        outputs.append(.event(.streamStarted(streamSID: identity.streamSID)))
    }

    /// Lets the time pass: plays, hears, speaks, for each point of the grid until `now`.
    public mutating func advance(to now: MonotonicInstant) {
        guard !isStopped else { return }
        var frames: [(PlayoutModel.Frame, [PlayoutModel.Echo])] = []
        playout.advance(to: now) { frames.append(($0, $1)) }
        while let first = lateEchoes.first, first.due <= now {
            lateEchoes.removeFirst()
            send(first.echo, at: now)
        }
        for (frame, echoes) in frames {
            for echo in echoes { sendEcho(echo, at: now) }
            var events: [PhoneUserModel.Event] = []
            let audio = user.next(hearing: lastHeard, at: frame.instant) { events.append($0) }
            lastHeard = frame.audio
            sendMedia(audio, at: now)
            for event in events { report(event, at: frame.instant) }
        }
    }

    /// Takes a message of the bridge.
    public mutating func receive(_ message: RawSpan, isText: Bool, at now: MonotonicInstant) {
        advance(to: now)
        guard !isStopped else { return }
        guard isText else { return reject("a binary frame: messages are text", at: now) }
        do throws(MediaStreamMessage.Fault) {
            switch try MediaStreamMessage(message, streamSID: identity.streamSID) {
            case .media(let audio): receive(media: audio, at: now)
            case .mark(let name):
                record.marks.append(.init(name: name, receivedAt: now))
                if let echo = playout.receive(mark: name) { sendEcho(echo, at: now) }
            case .clear: clear(at: now)
            }
        } catch {
            reject(error.detail, at: now)
        }
    }

    /// The stream ends: sends `stop`. Nothing is sent after it.
    public mutating func stop(at now: MonotonicInstant) {
        guard !isStopped else { return }
        advance(to: now)
        isStopped = true
        sendNumbered(
            "stop",
            ["accountSid": .string(identity.accountSID), "callSid": .string(identity.callSID)]
        )
        outputs.append(.event(.streamStopped))
    }

    /// The socket is gone: nothing can be sent any more.
    public mutating func cutOff() {
        isStopped = true
        outputs.removeAll()
    }

    /// The person says this after the script.
    mutating func add(_ turn: PhoneScript.Turn) { user.add(turn) }

    /// See ``PhoneUserModel/isAnswered(silentFor:at:)``.
    func isAnswered(silentFor silence: Duration, at instant: MonotonicInstant) -> Bool {
        user.isAnswered(silentFor: silence, at: instant)
    }

    /// See ``PhoneUserModel/impatientTurns``.
    var impatientTurns: [Int] { user.impatientTurns }

    /// See ``PhoneUserModel/turnsLeft``.
    var turnsLeft: Int { user.turnsLeft }

    /// Presses a key now, outside the script.
    public mutating func press(_ key: Character) {
        guard !isStopped else { return }
        sendNumbered("dtmf", ["track": "inbound_track", "digit": .string(String(key))])
        outputs.append(.event(.dtmf(digit: String(key))))
    }

    /// All that has happened so far.
    public func snapshot() -> MediaStreamRecord {
        var record = record
        record.heard = playout.heard
        record.said = user.said
        record.playedBytes = playout.playedBytes
        record.queuedBytes = playout.queuedBytes
        return record
    }

    // MARK: Inside

    private mutating func receive(media audio: [UInt8], at now: MonotonicInstant) {
        let total = (record.mediaReceived.last?.cumulativeBytes ?? 0) + audio.count
        record.mediaReceived.append(.init(instant: now, bytes: audio.count, cumulativeBytes: total))
        if !playout.receive(media: audio) {
            violate(31931, "more than ten minutes of audio are waiting: the rest is thrown away", at: now)
        }
    }

    private mutating func clear(at now: MonotonicInstant) {
        let waiting = playout.queuedBytes / AudioFormat.telephony.bytesPerMillisecond
        let position = playout.position
        let echoes = playout.clear()
        record.clears.append(
            .init(instant: now, discardedMilliseconds: waiting, marks: echoes.count, position: position)
        )
        for echo in echoes { sendEcho(echo, at: now) }
        outputs.append(.event(.streamCleared(marks: echoes.count)))
    }

    private mutating func report(_ event: PhoneUserModel.Event, at instant: MonotonicInstant) {
        record.moments.append(.init(instant: instant, event: event))
        switch event {
        case .startedTurn(let turn): outputs.append(.event(.userStarted(turn: turn)))
        case .endedTurn(let turn): outputs.append(.event(.userEnded(turn: turn)))
        case .agentHeard: outputs.append(.event(.agentHeard))
        case .agentFellSilent: outputs.append(.event(.agentFellSilent))
        case .pressed(let key): press(key)
        case .hungUp: outputs.append(.hangUp)
        }
    }

    private mutating func sendMedia(_ audio: [UInt8], at now: MonotonicInstant) {
        let timestamp = chunk * AudioFormat.frameMilliseconds
        chunk += 1
        sequenceNumber += 1
        let head =
            #"{"event":"media","sequenceNumber":"\#(sequenceNumber)","streamSid":"\#(identity.streamSID)","#
            + #""media":{"track":"inbound","chunk":"\#(chunk)","timestamp":"\#(timestamp)","payload":""#
        var message = Array(head.utf8)
        message.append(contentsOf: PlainBase64.encoded(audio))
        message.append(contentsOf: #""}}"#.utf8)
        outputs.append(.send(message))
        record.framesSent.append(
            .init(instant: now, cumulativeMilliseconds: chunk * AudioFormat.frameMilliseconds)
        )
    }

    private mutating func sendEcho(_ echo: PlayoutModel.Echo, at now: MonotonicInstant) {
        if markDelay > .zero {
            lateEchoes.append((echo, now + markDelay))
        } else {
            send(echo, at: now)
        }
    }

    private mutating func send(_ echo: PlayoutModel.Echo, at now: MonotonicInstant) {
        let wasCleared = if case .cleared = echo { true } else { false }
        if let place = record.marks.firstIndex(where: { $0.name == echo.mark && $0.echoedAt == nil }) {
            record.marks[place].echoedAt = now
            record.marks[place].wasCleared = wasCleared
        }
        sendNumbered("mark", ["name": .string(echo.mark)])
        if !wasCleared { outputs.append(.event(.markPlayed(name: echo.mark))) }
    }

    private mutating func sendNumbered(_ event: String, _ body: JSONValue) {
        sequenceNumber += 1
        send([
            "event": .string(event), "sequenceNumber": .string(String(sequenceNumber)),
            "streamSid": .string(identity.streamSID), (event): body,
        ])
    }

    private mutating func send(_ message: JSONValue) {
        outputs.append(.send(message.serialized()))
    }

    private mutating func reject(_ detail: String, at now: MonotonicInstant) {
        violate(31951, detail, at: now)
    }

    private mutating func violate(_ code: Int, _ detail: String, at now: MonotonicInstant) {
        let violation = MediaStreamRecord.Violation(instant: now, code: code, detail: detail)
        record.violations.append(violation)
        outputs.append(.event(.violation(violation.description)))
    }
}
