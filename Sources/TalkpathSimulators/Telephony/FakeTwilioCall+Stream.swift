internal import Foundation
internal import NIOCore
internal import TalkpathAudio

/// A media stream that is going on.
struct LiveStream {
    let number: Int
    let verb: TwiML.Stream
    var model: MediaStreamModel
    var socket: SimulatorSocket
    let start: MonotonicInstant
    /// Recorded messages still to be sent, instead of the person's.
    var lines: ArraySlice<String>?
    var isFrozen = false
    var timer: Scheduled<Void>?
}

extension FakeTwilioCall {
    /// Starts connecting; `startStream` or the signal `socketFailed` follows.
    func open(_ stream: TwiML.Stream) {
        streamCount += 1
        let number = streamCount
        connecting = number
        guard let publicURL = PlainURL(stream.url), let address = address(of: stream.url) else {
            return signal(.socketFailed("\(stream.url): no TLS here; say where to connect instead"))
        }
        var headers = [("Host", publicURL.authority), ("User-Agent", "TwilioProxy/1.1")]
        if let signature = signature(over: stream.url) { headers.append(("X-Twilio-Signature", signature)) }
        let handshake = headers
        Task {
            do {
                _ = try await SimulatorSocket.connect(
                    host: address.host,
                    port: address.effectivePort,
                    target: address.requestTarget,
                    headers: handshake,
                    on: loop,
                    events: socketEvents(stream, number)
                )
            } catch {
                signal(.socketFailed("\(error)"))
            }
        }
    }

    private func address(of url: String) -> PlainURL? {
        if let rewrite = configuration.rewriteStreamURL { return PlainURL(rewrite(url)) }
        guard let parts = PlainURL(url) else { return nil }
        guard let target = configuration.connectTo else { return parts.scheme == "ws" ? parts : nil }
        return PlainURL("ws://\(target)\(parts.requestTarget)")
    }

    private func signature(over url: String) -> String? {
        switch configuration.streamSignature {
        case .none: nil
        case .wss: WebhookClient.signature(url, FormFields(), token: configuration.authToken)
        case .https:
            WebhookClient.signature(
                "https" + url.dropFirst("wss".count),
                FormFields(),
                token: configuration.authToken
            )
        }
    }

    private nonisolated func socketEvents(_ stream: TwiML.Stream, _ number: Int) -> SimulatorSocket.Events {
        SimulatorSocket.Events(
            opened: { socket in self.assumeIsolated { $0.startStream(stream, number, socket) } },
            received: { _, message, isText in self.assumeIsolated { $0.received(message, isText, number) } },
            closed: { _, close in self.assumeIsolated { $0.socketClosed(close, number) } }
        )
    }

    private func startStream(_ stream: TwiML.Stream, _ number: Int, _ socket: SimulatorSocket) {
        guard connecting == number else { return socket.close(code: 1000) }
        connecting = nil
        publish(.streamOpened)
        let now = clock.now()
        let identity = MediaStreamModel.Identity(
            accountSID: configuration.accountSID,
            callSID: sid,
            streamSID: Identifiers.make("MZ"),
            parameters: stream.parameters
        )
        var script = PhoneScript.silent
        var lines: ArraySlice<String>?
        switch behavior.party {
        case .person(let person): script = person
        case .replay(let replay): lines = replay.lines(for: identity)[...]
        }
        var model = MediaStreamModel(
            identity: identity,
            script: script,
            start: now,
            seed: UInt64(truncatingIfNeeded: sid.hashValue),
            keepsAudio: configuration.keepsAudio,
            markDelay: behavior.markDelay
        )
        model.open()
        live = LiveStream(number: number, verb: stream, model: model, socket: socket, start: now, lines: lines)
        runOutputs()
        reportStream("stream-started")
        tick()
    }

    private func received(_ message: [UInt8], _ isText: Bool, _ number: Int) {
        guard live?.number == number, live?.isFrozen == false else { return }
        live?.model.receive(message.span.bytes, isText: isText, at: clock.now())
        // The socket flushes when it has read all there is.
        runOutputs()
    }

    private func socketClosed(_ close: SimulatorSocket.Close, _ number: Int) {
        publish(.streamClosed(code: close.code))
        guard var ended = live, ended.number == number else { return }
        ended.timer?.cancel()
        ended.model.cutOff()
        live = nil
        base.streams.append(ended.model.snapshot())
        if !close.isOurs, close.code == 1006 { fault(31903, "the media socket broke") }
        reportStream(close.isOurs ? "stream-stopped" : "stream-error", ended)
        signal(.streamClosed)
    }

    /// Ends the stream from the carrier's side: `stop`, then the close.
    func stopStream() {
        connecting = nil
        guard live != nil else { return }
        live?.timer?.cancel()
        if live?.isFrozen == false {
            live?.model.stop(at: clock.now())
            runOutputs()
        }
        guard let ended = live else { return }
        live = nil
        base.streams.append(ended.model.snapshot())
        ended.socket.close(code: 1000)
        reportStream("stream-stopped", ended)
    }

    /// A key pressed by hand.
    func press(_ key: Character) {
        live?.model.press(key)
        runOutputs()
        live?.socket.flush()
    }

    // MARK: Time

    private func tick() {
        guard let stream = live, !stream.isFrozen else { return }
        let now = clock.now()
        if takesFault(now - stream.start) { return }
        live?.model.advance(to: now)
        sendLines(until: now)
        runOutputs()
        guard let next = live else { return }
        next.socket.flush()
        let deadline = clock.deadline(for: wakeUp(after: now, next))
        live?.timer = loop.scheduleTask(deadline: deadline) { self.assumeIsolated { $0.tick() } }
    }

    private func wakeUp(after now: MonotonicInstant, _ stream: LiveStream) -> MonotonicInstant {
        guard case .replay(let replay) = behavior.party, let lines = stream.lines, !lines.isEmpty else {
            return stream.model.nextDeadline
        }
        return min(stream.model.nextDeadline, stream.start + replay.offset(ofLine: lines.startIndex))
    }

    /// Sends the recorded messages that are due.
    private func sendLines(until now: MonotonicInstant) {
        guard case .replay(let replay) = behavior.party, var lines = live?.lines, let stream = live else { return }
        let hadLines = !lines.isEmpty
        while let line = lines.first, stream.start + replay.offset(ofLine: lines.startIndex) <= now {
            stream.socket.send(Array(line.utf8))
            lines = lines.dropFirst()
        }
        live?.lines = lines
        guard hadLines, lines.isEmpty else { return }
        switch replay.ending {
        case .stays: break
        case .closes: stream.socket.close(code: 1000)
        case .vanishes: stream.socket.reset()
        }
    }

    private func takesFault(_ elapsed: Duration) -> Bool {
        switch behavior.streamFault {
        case .vanish(let after) where elapsed >= after:
            publish(.fault("the media socket vanishes"))
            live?.socket.reset()
            return true
        case .endStream(let after) where elapsed >= after:
            publish(.fault("the media stream ends without a word"))
            live?.socket.endStream()
            return true
        case .freezes(let after) where elapsed >= after:
            publish(.fault("the media socket freezes"))
            live?.isFrozen = true
            live?.socket.stopReading()
            return true
        case .vanish, .endStream, .freezes, .neverStarts, nil: return false
        }
    }

    private func runOutputs() {
        guard var stream = live else { return }
        let outputs = stream.model.takeOutputs()
        live = stream
        for output in outputs {
            switch output {
            case .send(let message):
                // A played recording sends its own messages only.
                guard stream.lines == nil else { continue }
                if behavior.streamFault == .neverStarts, !isConnected(message) { continue }
                stream.socket.send(message)
            case .hangUp: signal(.hungUp)
            case .event(let kind): publish(kind, source: kind.isOfPhone ? .phone : .twilio)
            }
        }
        stream.socket.flush()
    }

    private func isConnected(_ message: [UInt8]) -> Bool {
        message.starts(with: #"{"event":"connected""#.utf8)
    }

    private func reportStream(_ event: String, _ ended: LiveStream? = nil) {
        guard let stream = ended ?? live, let url = stream.verb.statusCallback else { return }
        var form = FormFields([
            ("AccountSid", configuration.accountSID), ("CallSid", sid), ("StreamSid", stream.model.identity.streamSID),
            ("StreamName", stream.verb.name ?? stream.model.identity.streamSID), ("StreamEvent", event),
        ])
        if event == "stream-error" { form.append("StreamError", "31921") }
        form.append("Timestamp", CallResource.rfc2822(Date()))
        post(form, to: url, event: event)
    }
}

extension SimulatorEvent.Kind {
    /// Actions and sounds of the person, not of the carrier.
    var isOfPhone: Bool {
        switch self {
        case .userStarted, .userEnded, .agentHeard, .agentFellSilent, .dtmf: true
        default: false
        }
    }
}

/// Identifiers as the carrier makes them.
enum Identifiers {
    static func make(_ prefix: String) -> String {
        prefix
            + (0..<16).map { _ in
                let byte = UInt8.random(in: .min ... .max)
                return (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }.joined()
    }
}
