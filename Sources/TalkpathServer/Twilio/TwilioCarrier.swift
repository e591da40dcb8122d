import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import TalkpathAudio
import TalkpathCore
import TalkpathWire

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Twilio's calls API as the carrier (vendor page "Call resource").
///
/// Runs on the HTTP client's event loops, never on the media loop. A create is sent at most once.
struct TwilioCarrier: Carrier {
    private let account: TwilioAccount
    private let client: HTTPClient
    private let origin: @Sendable () -> PublicOrigin?
    private let allowsPlain: Bool
    private let unansweredCreates: UnansweredCreates
    private let pacer: CallPacer?

    /// Twilio takes no longer time limit, in seconds.
    private static let longestTimeLimit = 14_400
    /// Longer than Twilio takes; shorter than clients wait.
    private static let timeout = Duration.seconds(15)

    /// - Parameters:
    ///   - origin: where calls without an origin of their own are told to ask; asked for at each call, as a server's
    ///     own address may be known only once it listens.
    init(
        account: TwilioAccount,
        client: HTTPClient,
        allowsPlain: Bool,
        unansweredCreates: UnansweredCreates = UnansweredCreates(),
        pacer: CallPacer? = nil,
        origin: @escaping @Sendable () -> PublicOrigin?
    ) {
        self.account = account
        self.client = client
        self.allowsPlain = allowsPlain
        self.unansweredCreates = unansweredCreates
        self.pacer = pacer
        self.origin = origin
    }

    /// Settings that suit it: connections are dropped before Twilio drops them, for a request on a dead one would leave
    /// its fate unknown, and nothing is tried twice behind our back.
    static var clientConfiguration: HTTPClient.Configuration { clientConfiguration(for: nil) }

    /// - Parameter url: where the carrier is asked, perhaps by a proxy.
    static func clientConfiguration(for url: String?) -> HTTPClient.Configuration {
        var configuration = OutboundHTTP.configuration(for: url)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        return configuration
    }

    func place(_ callRequest: PlaceCallRequest) async throws(CarrierError) -> String {
        guard let addresses = addresses(for: callRequest.publicURL) else {
            throw CarrierError(.refused, "there is no public address at which the carrier could ask")
        }
        let creation = TwilioCallCreation(
            to: callRequest.to,
            from: callRequest.from,
            instructions: .url(addresses.voice(callRequest.callID)),
            statusCallback: addresses.status(callRequest.callID),
            statusCallbackEvents: [.initiated, .ringing, .answered, .completed],
            ringTimeoutSeconds: Self.seconds(callRequest.ringTimeout),
            timeLimitSeconds: Self.seconds(callRequest.timeLimit),
            machineDetection: Self.detection(
                callRequest.machineDetection,
                telling: addresses.machineDetection(callRequest.callID)
            )
        )
        let request: HTTPRequestDescription
        do {
            request = try account.createCall(creation)
        } catch {
            throw CarrierError(.refused, error.description)
        }
        try await pacer?.waitForTurn()
        unansweredCreates.begin(callRequest)
        defer { unansweredCreates.finish(callRequest) }
        let sent = ContinuousClock.now
        do throws(CarrierError) {
            return try Self.name(try await send(request))
        } catch {
            // The call may exist all the same. The create is never repeated: the call is looked for.
            guard error.code == .noAnswer, let found = await find(callRequest, sent: sent) else { throw error }
            return found
        }
    }

    private static func name(_ answer: Answer) throws(CarrierError) -> String {
        do {
            return try answer.call().sid
        } catch {
            throw failureOfPlacing(error)
        }
    }

    /// Looks for the call of a create whose answer was lost.
    private func find(_ callRequest: PlaceCallRequest, sent: ContinuousClock.Instant) async -> String? {
        guard unansweredCreates.isReady else { return nil }
        for pause in Self.lookUps {
            guard (try? await Task.sleep(for: pause)) != nil else { return nil }
            guard let answer = try? await send(account.listCalls(from: callRequest.from, to: callRequest.to)),
                let now = answer.date,
                let calls = try? TwilioCallResource.list(status: answer.status, body: answer.body)
            else { continue }
            let age = ContinuousClock.now - sent
            if let found = await unansweredCreates.call(of: callRequest, among: calls, at: now, age: age) {
                return found
            }
        }
        return nil
    }

    /// The pauses before it is looked for: the carrier lists a call a moment after it was made.
    private static let lookUps = [Duration.milliseconds(300), .seconds(2)]

    func hangUp(_ carrierCallID: String) async throws(CarrierError) -> HangUpAnswer {
        let request: HTTPRequestDescription
        do {
            request = try account.updateCall(sid: carrierCallID, .complete)
        } catch {
            throw CarrierError(.refused, error.description)
        }
        let answer = try await send(request)
        do {
            _ = try answer.call()
            return .done
        } catch {
            if error.kind == .alreadyOver { return .alreadyGone }
            throw Self.failure(error)
        }
    }

    func redirect(
        _ carrierCallID: String,
        to instructions: CarrierInstructions
    ) async throws(CarrierError) {
        let request: HTTPRequestDescription
        do {
            let twiml = try twiml(instructions)
            request = try account.updateCall(sid: carrierCallID, .redirect(.twiml(twiml)))
        } catch {
            throw CarrierError(.refused, String(describing: error))
        }
        let answer = try await send(request)
        do {
            _ = try answer.call()
        } catch {
            throw Self.failure(error)
        }
    }

    func limitDuration(of carrierCallID: String, to limit: Duration) async throws(CarrierError) {
        let request: HTTPRequestDescription
        do {
            let seconds = min(Self.seconds(limit), Self.longestTimeLimit)
            request = try account.updateCall(sid: carrierCallID, .timeLimit(seconds: seconds))
        } catch {
            throw CarrierError(.refused, error.description)
        }
        let answer = try await send(request)
        do {
            _ = try answer.call()
        } catch {
            throw Self.failure(error)
        }
    }

    /// The call goes on while Twilio listens: to wait for the result would let the callee wait in silence.
    private static func detection(_ detection: MachineDetection, telling address: String) -> TwilioMachineDetection? {
        switch detection {
        case .off: nil
        case .enable: TwilioMachineDetection(mode: .enable, asyncStatusCallback: address)
        case .detectMessageEnd: TwilioMachineDetection(mode: .detectMessageEnd, asyncStatusCallback: address)
        }
    }

    private func twiml(_ instructions: CarrierInstructions) throws(TwiMLError) -> TwiML {
        switch instructions {
        case .dial(let number, let callerID, let ringTimeout, let words, let language, let ticket):
            try TwiML.dial(
                number,
                callerID: callerID,
                timeout: Self.seconds(ringTimeout),
                saying: words,
                language: language,
                action: ticket.flatMap { addresses(for: $0.publicURL)?.transfer($0) },
                statusCallback: ticket.flatMap { addresses(for: $0.publicURL)?.transferStatus($0) }
            )
        case .say(let text, let language):
            try TwiML.say(text, language: language)
        }
    }

    /// - Parameter url: the call's own origin.
    private func addresses(for url: String?) -> TwilioAddresses? {
        let own = url.flatMap { PublicOrigin($0, allowsPlain: allowsPlain) }
        return (own ?? origin()).map { TwilioAddresses(origin: $0) }
    }

    private static func seconds(_ duration: Duration) -> Int {
        max(1, (duration.wholeMilliseconds + 999) / 1000)
    }

    // MARK: Sending

    private struct Answer {
        var status: Int
        var retryAfter: String?
        /// The carrier's own time.
        var date: WallTime?
        var body: [UInt8]

        func call() throws(TwilioError) -> TwilioCallResource {
            try TwilioCallResource(status: status, retryAfter: retryAfter, body: body)
        }
    }

    private func send(_ description: HTTPRequestDescription) async throws(CarrierError) -> Answer {
        var request = OutboundHTTP.request(
            .init(rawValue: description.method.rawValue),
            description.url,
            headers: description.headers
        )
        request.body = .bytes(ByteBuffer(bytes: description.body))
        do {
            let (head, body) = try await OutboundHTTP.answer(
                to: request,
                over: client,
                timeout: Self.timeout,
                upTo: 1 << 20
            )
            return Answer(
                status: Int(head.status.code),
                retryAfter: head.headers.first(name: "retry-after"),
                date: head.headers.first(name: "date").flatMap { WallTime(httpDate: $0) },
                body: body
            )
        } catch {
            throw Self.failureOfSending(error)
        }
    }

    /// A request that never left this machine has no effect; the effect of any other is unknown.
    private static func failureOfSending(_ error: any Error) -> CarrierError {
        let neverSent: Bool =
            switch error {
            case let error as HTTPClientError:
                [.connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout, .alreadyShutdown, .invalidURL]
                    .contains(error)
            case let error as NIOSSLError:
                if case .handshakeFailed = error { true } else { false }
            case let error as IOError:
                // Of these, a connection that stands knows none.
                [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL].contains(error.errnoCode)
            case is NIOConnectionError, is NIOSSLExtraError: true
            default: false
            }
        let failure = OutboundHTTP.failureOfTLS(error).map { ": \($0)" } ?? ""
        return neverSent
            ? CarrierError(.unavailable, "the carrier could not be reached\(failure)")
            : CarrierError(.noAnswer, "the carrier did not answer")
    }

    private static func failureOfPlacing(_ error: TwilioError) -> CarrierError {
        switch error.status {
        // Accepted in words we cannot read, or failed at an unknown point, at Twilio or on the way: there may be a
        // call.
        case 200..<300, 408, 500...:
            CarrierError(.noAnswer, withoutNumbers(error.message), carrierCode: error.code)
        default: failure(error)
        }
    }

    private static func failure(_ error: TwilioError) -> CarrierError {
        let code: CarrierError.Code =
            switch error.kind {
            case .unauthorized: .unauthorized
            case .rateLimited, .server: .unavailable
            case .alreadyOver, .invalidRequest, .unexpected: .refused
            }
        return CarrierError(
            code,
            withoutNumbers(error.message),
            carrierCode: error.code,
            retryAfter: error.retryAfter
        )
    }

    /// Twilio quotes the number it dislikes. The message ends up in receipts and records, which show numbers in their
    /// own fields or not at all.
    static func withoutNumbers(_ message: String) -> String {
        var text = ""
        var digits = ""
        func flush() {
            text += digits.utf8.count >= 7 ? "…" : digits
            digits = ""
        }
        for character in message {
            if character.isASCII, character.isNumber || (character == "+" && digits.isEmpty) {
                digits.append(character)
            } else {
                flush()
                text.append(character)
            }
        }
        flush()
        return text
    }
}
