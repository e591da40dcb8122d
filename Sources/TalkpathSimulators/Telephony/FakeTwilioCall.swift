internal import Foundation
internal import NIOCore
internal import TalkpathAudio
internal import TalkpathWire

/// One call's life at the carrier: dialling, ringing, TwiML, media streams, callbacks.
///
/// Lives on one event loop with its media sockets. ``run()`` is its life; all else only tells it what has happened.
actor FakeTwilioCall {
    /// The signals to a call.
    enum Signal: Sendable {
        /// Ends with this status.
        case end(status: String)
        case redirect(CallRequest.Source)
        /// The person has put down the phone.
        case hungUp
        case webhook(WebhookClient.Answer)
        case socketFailed(String)
        case streamClosed
        /// The carrier is being shut down: no callbacks any more.
        case abort
    }

    enum Outcome: Sendable {
        case over(status: String)
        case redirected(CallRequest.Source)
        case aborted
    }

    nonisolated let sid: String
    nonisolated let loop: any EventLoop
    nonisolated let configuration: FakeTwilioConfiguration
    nonisolated let clock: SimulatorClock
    nonisolated let webhooks: WebhookClient
    nonisolated let behavior: CallBehavior

    var base: CallRecord
    var request: CallRequest
    var dates = CallResource.Dates()
    var live: LiveStream?
    var streamCount = 0
    /// The stream that is being connected; its socket is not wanted any more if this has changed.
    var connecting: Int?
    private var signals: [Signal] = []
    private var waiter: CheckedContinuation<Void, Never>?
    private var isEnding = false
    private var isAborted = false
    private var answeredAt: MonotonicInstant?
    private var callbacks: Task<Void, Never>?
    private var callbackNumber = 0
    /// Further fields of the next request for instructions.
    var questionFields: [(name: String, value: String)] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.executor.asUnownedSerialExecutor() }

    init(
        sid: String,
        direction: String,
        request: CallRequest,
        behavior: CallBehavior,
        configuration: FakeTwilioConfiguration,
        clock: SimulatorClock,
        webhooks: WebhookClient,
        loop: any EventLoop
    ) {
        self.sid = sid
        self.request = request
        self.behavior = behavior
        self.configuration = configuration
        self.clock = clock
        self.webhooks = webhooks
        self.loop = loop
        base = CallRecord(sid: sid, from: request.from, to: request.to, direction: direction)
    }

    // MARK: From outside

    /// The record, with the stream that is still going on.
    var record: CallRecord {
        var record = base
        record.timeLimit = request.timeLimit
        if let live { record.streams.append(live.model.snapshot()) }
        return record
    }

    func resource() -> JSONValue {
        CallResource.json(
            record,
            account: configuration.accountSID,
            dates: dates,
            answeredBy: request.detectsMachine && answeredAt != nil ? behavior.answeredBy : nil
        )
    }

    /// The data for lists.
    struct Listing: Sendable {
        var record: CallRecord
        var dates: CallResource.Dates
        var resource: JSONValue
        var isRecorded: Bool
    }

    func listing() -> Listing {
        Listing(record: record, dates: dates, resource: resource(), isRecorded: request.records && answeredAt != nil)
    }

    /// An update by REST.
    func update(_ update: CallRequest) throws(RESTError) -> JSONValue {
        guard !base.isOver, !isEnding else { throw .notInProgress }
        let isAnswered = answeredAt != nil
        if update.source != nil || update.status == "canceled" {
            guard isAnswered == (update.source != nil) else { throw .notInProgress }
        }
        if let callback = update.statusCallback { request.statusCallback = callback }
        if let limit = update.timeLimit { request.timeLimit = limit }
        var resource = resource()
        if update.status != nil {
            isEnding = true
            let status = isAnswered ? "completed" : "canceled"
            signal(.end(status: status))
            resource.set("status", .string(status))
        } else if let source = update.source {
            signal(.redirect(source))
        } else {
            // A new time limit must be looked at.
            wake()
        }
        return resource
    }

    func signal(_ signal: Signal) {
        if case .abort = signal { isAborted = true }
        signals.append(signal)
        wake()
    }

    // MARK: Life

    /// The whole call; returns when it is over and its last callback has been answered.
    func run() async {
        let status = base.direction == "inbound" ? await runInbound() : await runOutbound()
        finish(status ?? "completed")
        await callbacks?.value
    }

    private func runOutbound() async -> String? {
        report("initiated", status: "initiated")
        publish(.callStatus("queued"))
        base.statuses.append(.init(instant: clock.now(), status: "queued"))
        if let ended = await wait(behavior.dialing) { return ended }
        guard behavior.outcome != .fails else { return "failed" }
        set(status: "ringing")
        report("ringing", status: "ringing")
        switch behavior.outcome {
        case .fails: return "failed"
        case .busy:
            return await wait(.milliseconds(100)) ?? "busy"
        case .noAnswer(let ringing): return await wait(min(ringing, request.timeout)) ?? "no-answer"
        case .answers(let ringing):
            if let ended = await wait(min(ringing, request.timeout)) { return ended }
            guard ringing < request.timeout else { return "no-answer" }
        }
        answer()
        guard let source = request.source else { return "completed" }
        return await follow(source)
    }

    private func runInbound() async -> String? {
        set(status: "ringing")
        guard let source = request.source else { return "failed" }
        return await follow(source)
    }

    /// The call is taken: its time runs from here on.
    func answer() {
        guard answeredAt == nil else { return }
        answeredAt = clock.now()
        dates.started = Date()
        set(status: "in-progress")
        report("answered", status: "in-progress")
        detectMachine()
    }

    /// Detects the kind of answer, and reports it if the call still lasts.
    private func detectMachine() {
        guard let url = request.detectionCallback else { return }
        let delay = behavior.detectionTime
        loop.scheduleTask(deadline: clock.deadline(for: clock.now() + delay)) {
            self.assumeIsolated { $0.reportDetection(to: url, after: delay) }
        }
    }

    private func reportDetection(to url: String, after delay: Duration) {
        guard !isEnding, !base.isOver else { return }
        let form = FormFields([
            ("CallSid", sid), ("AccountSid", configuration.accountSID), ("AnsweredBy", behavior.answeredBy),
            ("MachineDetectionDuration", String(delay.wholeMilliseconds)),
        ])
        post(form, to: url, event: "machine-detection")
    }

    /// Waits while the call lives.
    /// - Returns: the status it was ended with.
    func wait(_ duration: Duration) async -> String? {
        let deadline = clock.now() + duration
        while let signal = await nextSignal(until: deadline) {
            if case .over(let status) = outcome(of: signal) { return status }
            if case .aborted = outcome(of: signal) { return "completed" }
        }
        return nil
    }

    /// The step that a signal causes in the current state; nil: none.
    func outcome(of signal: Signal) -> Outcome? {
        switch signal {
        case .end(let status): .over(status: status)
        case .redirect(let source): .redirected(source)
        case .hungUp: .over(status: answeredAt == nil && base.direction == "inbound" ? "canceled" : "completed")
        case .abort: .aborted
        case .webhook, .socketFailed, .streamClosed: nil
        }
    }

    /// The next thing that happens; nil when the time is up.
    func nextSignal(until deadline: MonotonicInstant?) async -> Signal? {
        while true {
            if !signals.isEmpty { return signals.removeFirst() }
            let now = clock.now()
            let limit = answeredAt.flatMap { start in request.timeLimit.map { start + $0 } }
            if let limit, limit <= now {
                request.timeLimit = nil
                return .end(status: "completed")
            }
            if let deadline, deadline <= now { return nil }
            let timer = [deadline, limit].compactMap(\.self).min().map { instant in
                loop.scheduleTask(deadline: clock.deadline(for: instant)) { self.assumeIsolated { $0.wake() } }
            }
            await withCheckedContinuation { waiter = $0 }
            timer?.cancel()
        }
    }

    private func wake() {
        waiter?.resume()
        waiter = nil
    }

    private func finish(_ status: String) {
        isEnding = true
        stopStream()
        let now = clock.now()
        // Every second begun counts.
        base.durationSeconds = answeredAt.map { Int(((now - $0).milliseconds / 1000).rounded(.up)) }
        dates.ended = Date()
        set(status: status)
        report("completed", status: status)
    }

    private func set(status: String) {
        dates.updated = Date()
        base.statuses.append(.init(instant: clock.now(), status: status))
        publish(.callStatus(status))
    }

    func publish(_ kind: SimulatorEvent.Kind, source: SimulatorEvent.Source = .twilio) {
        configuration.timeline.publish(
            SimulatorEvent(instant: clock.now(), source: source, subject: sid, kind: kind)
        )
    }

    func fault(_ code: Int, _ detail: String) {
        base.errors.append("\(code): \(detail)")
        publish(.fault("\(code): \(detail)"))
    }

    // MARK: Callbacks

    private func report(_ event: String, status: String) {
        guard let url = request.statusCallback, request.statusEvents.contains(event) else { return }
        var form = fields(status: status)
        form.append("CallbackSource", "call-progress-events")
        form.append("Timestamp", CallResource.rfc2822(Date()))
        form.append("SequenceNumber", String(callbackNumber))
        callbackNumber += 1
        if event == "completed" {
            let seconds = base.durationSeconds ?? 0
            form.append("CallDuration", String(seconds))
            form.append("Duration", String((seconds + 59) / 60))
        }
        post(form, to: url, event: event)
    }

    /// The fields of every webhook of a call.
    func fields(status: String) -> FormFields {
        FormFields([
            ("CallSid", sid), ("AccountSid", configuration.accountSID), ("From", base.from), ("To", base.to),
            ("Caller", base.from), ("Called", base.to), ("CallStatus", status), ("ApiVersion", "2010-04-01"),
            ("Direction", base.direction),
        ])
    }

    /// Sends a callback after those before it; nothing waits for its answer.
    func post(_ form: FormFields, to url: String, event: String) {
        guard !isAborted else { return }
        let previous = callbacks
        callbacks = Task {
            await previous?.value
            let answer = await webhooks.send(form, to: url, method: "POST")
            note(event: event, url: url, form: form, answer: answer)
        }
    }

    func note(event: String, url: String, form: FormFields, answer: WebhookClient.Answer) {
        base.webhooks.append(
            .init(
                instant: clock.now(),
                event: event,
                url: url,
                fields: form.fields.map { .init(name: $0.name, value: $0.value) },
                answer: answer.status
            )
        )
        publish(.webhook(event: event, status: answer.status))
        if let failure = answer.failure { fault(11200, "\(event): \(failure)") }
        if answer.failure == nil, !(200...299).contains(answer.status) {
            fault(11200, "\(event) was answered with \(answer.status)")
        }
    }
}
