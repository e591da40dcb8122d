import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import TalkpathCore
import TalkpathNIO
import TalkpathWire

/// Twilio's webhooks.
struct TwilioRoutes {
    let state: ServerState
    let authenticity: TwilioAuthenticity

    func add(to router: Router<ServerContext>) {
        let routes = router.group("twilio")
        if let nodes = state.nodes { routes.add(middleware: CarrierForwarding(nodes: nodes, state: state)) }
        routes.post("voice", use: voice)
        routes.post("status", use: status)
        routes.post("stream-status", use: streamStatus)
        routes.post("machine-detection", use: machineDetection)
        routes.post("transfer", use: transfer)
        routes.post("transfer-status", use: transferStatus)
    }

    // MARK: Requests

    struct Webhook {
        var form: FormParameters
        /// The address's own parameters.
        var query: FormParameters
        /// From the address we gave: our own name of the call.
        var callID: CallID?
        /// The origin for further requests of the call.
        var origin: PublicOrigin?
        /// The origin is the call's own.
        var hasOwnOrigin: Bool
        /// The tenant whose account it came from; nil for the shared one.
        var account: String?
    }

    func webhook(_ request: Request) async throws -> Webhook {
        let target = request.head.path ?? ""
        let query = target.split(separator: "?", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
        let parameters = (try? FormParameters(decoding: query)) ?? [:]
        let callID = parameters["call_id"].map(CallID.init)
        let form: FormParameters
        do {
            form = try FormParameters(decoding: try await request.bytes())
        } catch let error as FormDecodingError {
            throw Problem(.badRequest, .invalidField, "The form cannot be read: \(error)")
        }
        let own = await ownOrigin(of: callID)
        let signer = authenticity.signer(accountSID: form["AccountSid"])
        let isGenuine = authenticity.isGenuine(
            target: target,
            form: form,
            signature: request.headers[.twilioSignature],
            settings: request.headers[.twilioSignatureSettings],
            origins: [own, state.origin].compactMap(\.self),
            signer: signer
        )
        guard isGenuine else {
            let evidence = TwilioAuthenticity.Webhook(
                target: target,
                form: form,
                signature: request.headers[.twilioSignature],
                settings: request.headers[.twilioSignatureSettings],
                origins: [own, state.origin].compactMap(\.self),
                signer: signer,
                namedHosts: [request.head.authority, request.headers[.forwardedHost]].compactMap(\.self)
            )
            let isSigned = evidence.signature != nil
            state.tell(
                "A webhook without a valid signature was refused",
                cause: isSigned ? "webhook: signature" : "webhook: no signature"
            ) {
                authenticity.explanation(of: evidence)
            }
            throw Problem(.forbidden, .forbidden, "The signature is missing or wrong")
        }
        guard await isAbout(callID, form["CallSid"], of: signer) else {
            state.tell("A webhook about another account's call was refused", cause: "webhook: other account")
            throw Problem(.forbidden, .forbidden, "The signature is missing or wrong")
        }
        return Webhook(
            form: form,
            query: parameters,
            callID: callID,
            origin: own ?? state.origin,
            hasOwnOrigin: own != nil,
            account: signer.tenant
        )
    }

    /// Tells whether the call goes over the account that has signed: one account has no say in the calls of another.
    private func isAbout(_ id: CallID?, _ sid: String?, of signer: TwilioAuthenticity.Signer) async -> Bool {
        let manager = state.manager
        var sessions: [CallSession] = []
        if let id, let session = await manager.session(id) { sessions.append(session) }
        if let sid, let session = await manager.session(carrierCallID: sid) { sessions.append(session) }
        for session in sessions {
            let tenant = await session.snapshot().tenant
            let account = state.configuration.tenantTwilio[tenant] == nil ? nil : tenant
            if account != signer.tenant { return false }
        }
        return true
    }

    private func ownOrigin(of id: CallID?) async -> PublicOrigin? {
        guard let id, let session = await state.manager.session(id) else { return nil }
        return state.origin(await session.snapshot().publicURL)
    }

    func read<Value>(_ make: () throws(WireError) -> Value) throws(Problem) -> Value {
        do {
            return try make()
        } catch {
            throw Problem(.badRequest, .invalidField, "The form lacks '\(error.detail)'")
        }
    }

    // MARK: Instructions for a call

    @Sendable private func voice(_ request: Request, _ context: ServerContext) async throws -> Response {
        let webhook = try await webhook(request)
        let voice = try read { () throws(WireError) in try TwilioVoiceWebhook(webhook.form) }
        let call: CallID
        if let placed = webhook.callID {
            call = placed
            // To be asked what to do with a call we have placed means that it was answered; the status may come later.
            if voice.status == .inProgress {
                await state.manager.carrierProgressed(.answered, carrierCallID: voice.call.callSID, call: placed)
            }
        } else {
            do throws(InboundReception.Refusal) {
                call = try await InboundReception(state: state).accept(voice, account: webhook.account)
            } catch {
                switch error {
                // The balancer gives the call to another node.
                case .notHere(let problem) where state.nodes != nil: throw problem
                case .busy, .notHere: return Self.twiml(.reject(reason: .busy))
                case .elsewhere(let owner): throw AnnouncedElsewhere(owner: owner)
                case .over:
                    state.tell("The carrier announces a call that has ended before", cause: "announced again")
                    return Self.twiml(.hangup)
                }
            }
        }
        return Self.twiml(try await connect(call, voice.call.callSID, webhook))
    }

    /// Sends the call's audio to us; hangs up if the call is over.
    ///
    /// - Parameter sid: the call that asks.
    /// - Throws: where the call has its media already. It goes on: this request is not the one that it waits for.
    func connect(_ call: CallID, _ sid: String, _ webhook: Webhook) async throws -> TwiML {
        guard let origin = webhook.origin, let session = await state.manager.session(call),
            case let snapshot = await session.snapshot(), snapshot.receipt == nil
        else { return .hangup }
        if let name = snapshot.carrierCallID, name != sid {
            state.tell("The carrier asks for one call's instructions under another call's id", cause: "other call")
            return .hangup
        }
        guard let token = await state.manager.makeStreamToken(for: call) else {
            guard await session.isLive else { return .hangup }
            state.tell("The carrier asks again what to do with a call that has its media", cause: "asked again")
            throw Problem(.forbidden, .forbidden, "This call already has, or had, its media socket")
        }
        let addresses = TwilioAddresses(origin: origin)
        return try TwiML.connectStream(
            // A node has a way of its own for its sockets, unless the call came by an origin of its own.
            url: TwilioAddresses(origin: webhook.hasOwnOrigin ? origin : state.nodes?.mediaOrigin ?? origin)
                .mediaStream(
                    // By its name, the socket finds the call's lane, and its node, before its first message.
                    namingCall: webhook.hasOwnOrigin || state.bridge.lanes.count > 1 || state.nodes != nil ? call : nil
                ),
            parameters: [(name: "token", value: token), (name: "call_id", value: call.text)],
            statusCallback: addresses.streamStatus(call)
        )
    }

    static func twiml(_ twiml: TwiML) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "text/xml; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: twiml.xml))
        )
    }

    // MARK: Progress of a call

    @Sendable private func status(_ request: Request, _ context: ServerContext) async throws -> Response {
        let webhook = try await webhook(request)
        let status = try read { () throws(WireError) in try TwilioStatusCallback(webhook.form) }
        if let fault = CarrierFault(status) {
            await state.manager.carrierReported(
                .dialFailed(fault),
                carrierCallID: status.call.callSID,
                call: webhook.callID
            )
        }
        if let progress = CarrierProgress(status.status) {
            let isKnown = await state.manager.carrierProgressed(
                progress,
                carrierCallID: status.call.callSID,
                call: webhook.callID
            )
            if !isKnown, let call = webhook.callID { await state.carrierNamed(call, status.call.callSID) }
        }
        if let answer = status.answeredBy { await note(answer, carrierCallID: status.call.callSID, webhook) }
        return Response(status: .noContent)
    }

    /// The kind of party that answered, found out while the call goes on.
    @Sendable private func machineDetection(_ request: Request, _ context: ServerContext) async throws -> Response {
        let webhook = try await webhook(request)
        let callback = try read { () throws(WireError) in try TwilioMachineDetectionCallback(webhook.form) }
        await note(callback.answeredBy, carrierCallID: callback.callSID, webhook)
        return Response(status: .noContent)
    }

    private func note(_ answer: TwilioAnsweredBy, carrierCallID: String, _ webhook: Webhook) async {
        await state.manager.machineDetected(AnsweredBy(answer), carrierCallID: carrierCallID, call: webhook.callID)
    }

    /// The socket itself tells when it comes and goes. Only this callback tells why a stream failed, or never began.
    @Sendable private func streamStatus(_ request: Request, _ context: ServerContext) async throws -> Response {
        let webhook = try await webhook(request)
        let callback = try read { () throws(WireError) in try TwilioStreamStatusCallback(webhook.form) }
        if let report = CarrierReport(callback.event) {
            await state.manager.carrierReported(report, carrierCallID: callback.callSID, call: webhook.callID)
        }
        return Response(status: .noContent)
    }
}

extension CarrierProgress {
    /// Nil for an unknown word.
    init?(_ status: TwilioCallStatus) {
        switch status {
        case .queued, .initiated: self = .initiated
        case .ringing: self = .ringing
        case .inProgress: self = .answered
        case .completed: self = .over(.completed)
        case .busy: self = .over(.busy)
        case .failed: self = .over(.failed)
        case .noAnswer: self = .over(.noAnswer)
        case .canceled: self = .over(.canceled)
        case .unknown: return nil
        }
    }
}

extension CarrierFault {
    /// The SIP response by which the network refused a call, where the callback names one.
    init?(_ callback: TwilioStatusCallback) {
        switch callback.status {
        case .busy, .failed, .noAnswer: break
        case .queued, .initiated, .ringing, .inProgress, .completed, .canceled, .unknown: return nil
        }
        guard let code = callback.sipResponseCode, (300..<700).contains(code) else { return nil }
        self.init(.dialling, code: code, "the network answered with a SIP status")
    }
}

extension CarrierReport {
    /// Nil for an event of an unknown name.
    init?(_ event: TwilioStreamStatusCallback.Event) {
        switch event {
        case .started: self = .streamStarted
        case .stopped: self = .streamStopped
        case .failed(let error):
            let fault = CarrierFault(.stream, code: error.code, TwilioCarrier.withoutNumbers(error.message))
            switch error.effect {
            case .warning: self = .streamWarned(fault)
            case .fatal: self = .streamFailed(fault)
            case .closedByServer: self = .streamClosed(fault)
            }
        case .unknown: return nil
        }
    }
}

extension AnsweredBy {
    init(_ word: TwilioAnsweredBy) {
        switch word {
        case .human: self = .human
        case .machineStart: self = .machine
        case .machineEndBeep, .machineEndSilence, .machineEndOther: self = .machineEnd
        case .fax: self = .fax
        case .unknown: self = .unknown
        }
    }
}

extension HTTPField.Name {
    static let twilioSignature = Self(TwilioSignature.header)!
    static let twilioSignatureSettings = Self(TwilioSignature.settingsHeader)!
    static let forwardedHost = Self("X-Forwarded-Host")!
}
