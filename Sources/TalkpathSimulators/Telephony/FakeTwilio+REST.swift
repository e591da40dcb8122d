internal import TalkpathAudio
internal import TalkpathWire

/// The REST interface.
extension FakeTwilio {
    private enum Route {
        case create
        case update(sid: String)
        case fetch(sid: String)

        var kind: RESTFault.Request {
            switch self {
            case .create: .create
            case .update: .update
            case .fetch: .fetch
            }
        }
    }

    private struct Answer {
        var status: Int
        var body: JSONValue
        var retryAfter: Int?
    }

    func handle(_ exchange: SimulatorExchange) async {
        let route: Route
        do throws(RESTError) {
            route = try self.route(exchange)
        } catch {
            return send(answer(error), exchange)
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

    private func route(_ exchange: SimulatorExchange) throws(RESTError) -> Route {
        let parts = exchange.path.split(separator: "/").map(String.init)
        guard authorized(exchange) else { throw .unauthorized }
        guard parts.count >= 4, parts[0] == "2010-04-01", parts[1] == "Accounts",
            parts[2] == configuration.accountSID
        else { throw .notFound(exchange.path) }
        switch (exchange.method, parts.count) {
        case ("POST", 4) where parts[3] == "Calls.json": return .create
        case ("POST", 5) where parts[3] == "Calls" && parts[4].hasSuffix(".json"):
            return .update(sid: String(parts[4].dropLast(5)))
        case ("GET", 5) where parts[3] == "Calls" && parts[4].hasSuffix(".json"):
            return .fetch(sid: String(parts[4].dropLast(5)))
        default: throw .notFound(exchange.path)
        }
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

    private func perform(_ route: Route, _ exchange: SimulatorExchange) async -> Answer {
        do throws(RESTError) {
            switch route {
            case .create:
                let call = beginOutgoing(try CallRequest.create(try form(exchange)))
                return Answer(status: 201, body: await call.resource())
            case .update(let sid):
                let update = try CallRequest.update(try form(exchange))
                guard let call = find(sid) else { throw .notFound(exchange.path) }
                return Answer(status: 200, body: try await call.update(update))
            case .fetch(let sid):
                guard let call = find(sid) else { throw .notFound(exchange.path) }
                return Answer(status: 200, body: await call.resource())
            }
        } catch {
            return answer(error)
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
        var headers = [("content-type", "application/json;charset=utf-8")]
        if let retryAfter = answer.retryAfter { headers.append(("retry-after", String(retryAfter))) }
        if answer.status == 401 { headers.append(("www-authenticate", "Basic realm=\"Twilio API\"")) }
        note(exchange, status: answer.status)
        exchange.respond(answer.status, headers: headers, body: answer.body.serialized())
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
