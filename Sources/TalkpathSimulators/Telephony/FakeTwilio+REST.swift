internal import Foundation
internal import TalkpathAudio
internal import TalkpathWire

/// The REST interface.
extension FakeTwilio {
    struct Answer {
        var status: Int
        var body: JSONValue = nil
        /// Sound instead of JSON.
        var sound: [UInt8]?
        var retryAfter: Int?
    }

    func handle(_ exchange: SimulatorExchange) async {
        guard authorized(exchange) else { return send(answer(.unauthorized), exchange) }
        guard let route = TwilioRoute(exchange.method, exchange.path, account: configuration.accountSID) else {
            return send(answer(.notFound(exchange.path)), exchange)
        }
        switch takeFault(route.kind) {
        case nil: send(await perform(route, exchange), exchange)
        case .delay(let duration):
            await pause(duration)
            send(await perform(route, exchange), exchange)
        case .answerLate(let duration):
            let answer = await perform(route, exchange)
            await pause(duration)
            send(answer, exchange)
        case .neverAnswer:
            _ = await perform(route, exchange)
            note(exchange, status: 0)
        case .ignore: note(exchange, status: 0)
        case .fail(let status, let code, let message):
            send(answer(RESTError(status: status, code: code, message: message)), exchange)
        case .tooManyRequests(let retryAfter):
            var refusal = answer(.tooManyRequests)
            refusal.retryAfter = retryAfter
            send(refusal, exchange)
        case .drop:
            note(exchange, status: 0)
            exchange.drop()
        case .performAndDrop:
            _ = await perform(route, exchange)
            note(exchange, status: 0)
            exchange.drop()
        }
    }

    private func takeFault(_ request: RESTFault.Request) -> RESTFault.Action? {
        guard let place = faults.firstIndex(where: { $0.request == .any || $0.request == request }) else { return nil }
        let action = faults[place].action
        if let times = faults[place].times {
            faults[place].times = times - 1
            if times <= 1 { faults.remove(at: place) }
        }
        return action
    }

    private func authorized(_ exchange: SimulatorExchange) -> Bool {
        guard let header = exchange.header("authorization"), header.hasPrefix("Basic "),
            let bytes = PlainBase64.decode(String(header.dropFirst(6))),
            let text = String(validating: bytes, as: UTF8.self), let colon = text.firstIndex(of: ":")
        else { return false }
        let user = String(text[..<colon])
        let secret = String(text[text.index(after: colon)...])
        if user == configuration.accountSID { return secret == configuration.authToken }
        return configuration.apiKeys[user] == secret
    }

    private func perform(_ route: TwilioRoute, _ exchange: SimulatorExchange) async -> Answer {
        do throws(RESTError) {
            return try await result(of: route, exchange)
        } catch {
            return answer(error)
        }
    }

    private func result(of route: TwilioRoute, _ exchange: SimulatorExchange) async throws(RESTError) -> Answer {
        switch route {
        case .createCall:
            let call = try place(try CallRequest.create(try form(exchange)))
            return Answer(status: 201, body: await call.resource())
        case .updateCall(let sid):
            let update = try CallRequest.update(try form(exchange))
            guard let call = listed(sid) else { throw .notFound(exchange.path) }
            return Answer(status: 200, body: try await call.update(update))
        case .fetchCall(let sid):
            guard let call = listed(sid) else { throw .notFound(exchange.path) }
            return Answer(status: 200, body: await call.resource())
        case .deleteCall(let sid): return try await deleteCall(sid, exchange)
        case .listCalls: return try await listCalls(exchange)
        case .listAccounts:
            return try TwilioPage(exchange).answer("accounts", [TwilioAccount.json(configuration.accountSID)])
        case .fetchAccount: return Answer(status: 200, body: TwilioAccount.json(configuration.accountSID))
        case .listNumbers: return try listNumbers(exchange)
        case .fetchNumber(let sid): return try fetchNumber(sid, exchange)
        case .listRecordings(let call): return try await listRecordings(of: call, exchange)
        case .startRecording(let call): return try await startRecording(of: call, exchange)
        case .fetchRecording(let sid): return try await fetchRecording(sid, exchange)
        case .sound(let sid): return try await sound(of: sid, exchange)
        case .deleteRecording(let sid): return try await deleteRecording(sid, exchange)
        }
    }

    private func form(_ exchange: SimulatorExchange) throws(RESTError) -> FormFields {
        let type = exchange.header("content-type")?.lowercased() ?? ""
        guard type.hasPrefix("application/x-www-form-urlencoded"), let form = FormFields(parsing: exchange.body) else {
            throw .invalid(20001, "The body is no application/x-www-form-urlencoded form")
        }
        return form
    }

    private func answer(_ error: RESTError) -> Answer {
        Answer(status: error.status, body: CallResource.error(error))
    }

    private func send(_ answer: Answer, _ exchange: SimulatorExchange) {
        var headers = [
            ("content-type", "application/json;charset=utf-8"),
            ("date", CallResource.rfc2822(Date()).replacing("+0000", with: "GMT")),
        ]
        if let retryAfter = answer.retryAfter { headers.append(("retry-after", String(retryAfter))) }
        if answer.sound != nil { headers[0].1 = "audio/x-wav" }
        if answer.status == 401 { headers.append(("www-authenticate", "Basic realm=\"Twilio API\"")) }
        note(exchange, status: answer.status)
        // Nothing, and no type of it.
        guard answer.status != 204 else { return exchange.respond(204) }
        exchange.respond(answer.status, headers: headers, body: answer.sound ?? answer.body.serialized())
    }

    private func note(_ exchange: SimulatorExchange, status: Int) {
        timeline.publish(
            SimulatorEvent(
                instant: clock.now(),
                source: .twilio,
                subject: "",
                kind: .request(method: exchange.method, path: exchange.path, status: status)
            )
        )
    }

    /// Ends early when the carrier is shut down.
    private func pause(_ duration: Duration) async {
        try? await Task.sleep(for: clock.realDuration(duration))
    }
}
