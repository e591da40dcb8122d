import HTTPTypes
import Hummingbird
import Logging
import TalkpathCore
import TalkpathWire

/// Twilio's webhooks about transfers.
extension TwilioRoutes {
    /// A transfer is over, and Twilio asks what to do with the caller.
    @Sendable func transfer(_ request: Request, _ context: ServerContext) async throws -> Response {
        let webhook = try await webhook(request)
        let callback = try read { () throws(WireError) in try TwilioDialCallback(webhook.form) }
        guard let call = webhook.callID, let transfer = webhook.query.int("transfer") else {
            throw Problem(.badRequest, .invalidField, "The address lacks the call or the transfer")
        }
        let sequel = await state.manager.transferTold(
            .ended(TransferOutcome(callback.status), callIsOver: callback.callStatus.isTerminal),
            transfer: transfer,
            carrierCallID: callback.callSID,
            call: call
        )
        switch sequel {
        case .connect: return Self.twiml(try await connect(call, callback.callSID, webhook))
        case .say(let words, let language): return Self.twiml(try TwiML.say(words, language: language))
        case .hangUp: return Self.twiml(.hangup)
        case .settledBefore:
            state.tell("The carrier asks again what to do after a transfer", cause: "transfer: asked again")
            throw Problem(.forbidden, .forbidden, "The carrier has its instructions after this transfer already")
        }
    }

    /// The progress of the leg to the other party. It has a name of its own, and names the call's as its parent.
    @Sendable func transferStatus(_ request: Request, _ context: ServerContext) async throws -> Response {
        let webhook = try await webhook(request)
        let status = try read { () throws(WireError) in try TwilioStatusCallback(webhook.form) }
        let parent = try read { () throws(WireError) in try webhook.form.required("ParentCallSid") }
        guard let call = webhook.callID, let transfer = webhook.query.int("transfer") else {
            throw Problem(.badRequest, .invalidField, "The address lacks the call or the transfer")
        }
        if let fault = CarrierFault(status) {
            await state.manager.carrierReported(.dialFailed(fault), carrierCallID: parent, call: call)
        }
        if let news = TransferNews(status.status) {
            _ = await state.manager.transferTold(news, transfer: transfer, carrierCallID: parent, call: call)
        }
        return Response(status: .noContent)
    }
}

extension TransferNews {
    /// Nil where the other party's phone rings, or is about to.
    init?(_ status: TwilioCallStatus) {
        switch status {
        case .inProgress: self = .answered
        case .completed, .busy, .failed, .noAnswer, .canceled: self = .legEnded(TransferOutcome(status))
        case .queued, .initiated, .ringing, .unknown: return nil
        }
    }
}

extension TransferOutcome {
    /// The outcome of a leg that is over.
    init(_ status: TwilioCallStatus) {
        switch status {
        case .completed, .inProgress: self = .answered
        case .busy: self = .busy
        case .noAnswer: self = .noAnswer
        case .canceled: self = .canceled
        case .failed, .queued, .initiated, .ringing, .unknown: self = .failed
        }
    }
}
