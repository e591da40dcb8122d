import TalkpathCore

/// Plays the situation of one rule.
struct CarrierCheck {
    let stage: any CarrierStage
    var trial: ContractTrial<CarrierContract.Rule>

    private static let wait = Duration.seconds(7)

    mutating func run() async throws {
        switch trial.rule {
        case .placingNamesTheCall: try await placingNamesTheCall()
        case .namesAreUnique: try await namesAreUnique()
        case .placingMakesOneCall: try await placingMakesOneCall()
        case .aLostCallIsNotPlacedAgain: try await aLostCallIsNotPlacedAgain()
        case .aLostAnswerSaysSo: try await aLostAnswerSaysSo()
        case .aRefusalSaysSo: try await codes(.refusing, [.refused], hangsUp: false)
        case .aRefusedKeySaysSo: try await codes(.refusingKey, [.unauthorized])
        case .anOverloadSaysSo: try await codes(.overloaded(retryAfter: Self.wait), [.unavailable])
        case .theWaitIsPassedOn: try await theWaitIsPassedOn()
        case .anUnreachableVendorSaysSo: try await codes(.unreachable, [.unavailable, .noAnswer])
        case .errorsHoldNoSecrets: try await errorsHoldNoSecrets()
        case .hangingUpEndsTheCall: try await hangingUpEndsTheCall()
        case .hangingUpHarmsNoOther: try await hangingUpHarmsNoOther()
        case .hangingUpTwiceIsOneEnd: try await hangingUpTwiceIsOneEnd()
        case .hangingUpAtOnceIsOneEnd: try await hangingUpAtOnceIsOneEnd()
        case .aCallThatIsOverIsGone: try await aCallThatIsOverIsGone()
        case .anUnknownCallIsGone: try await anUnknownCallIsGone()
        case .aFailedHangUpIsNotDone: try await aFailedHangUpIsNotDone()
        case .redirectingAnEndedCallIsRefused: try await redirectingAnEndedCallIsRefused()
        case .limitingTheDurationIsNoError: try await limitingTheDurationIsNoError()
        case .cancelledRequestsReturn: try await cancelledRequestsReturn()
        }
    }

    // MARK: Placing

    private mutating func placingNamesTheCall() async throws {
        guard let name = await placed(try await carrier()) else { return }
        let live = try await stage.calls().filter(\.isLive).map(\.carrierCallID)
        trial.expect(
            !name.isEmpty && live.contains(name),
            "the name of a call that is up",
            "a call was placed",
            saw: "'\(name)', of which the vendor knows nothing"
        )
    }

    private mutating func namesAreUnique() async throws {
        let carrier = try await carrier()
        guard let first = await placed(carrier), let second = await placed(carrier) else { return }
        trial.expect(first != second, "two names", "two calls were placed", saw: "'\(first)' twice")
    }

    private mutating func placingMakesOneCall() async throws {
        let carrier = try await carrier()
        let before = try await stage.calls().count
        guard await placed(carrier) != nil else { return }
        let more = try await stage.calls().count - before
        trial.expect(more == 1, "one call at the vendor", "a call was placed", saw: "\(more)")
    }

    private mutating func aLostCallIsNotPlacedAgain() async throws {
        let carrier = try await carrier(.losingAnswers)
        let before = try await stage.calls().count
        let attempt = await place(carrier)
        let more = try await stage.calls().count - before
        trial.expect(
            more <= 1 && attempt.hasReturned,
            "one call at the vendor",
            "the answer to a request for a call was lost",
            saw: attempt.hasReturned ? "\(more)" : "\(attempt)"
        )
    }

    private mutating func aLostAnswerSaysSo() async throws {
        let attempt = await place(try await carrier(.losingAnswers))
        let names = try await stage.calls().map(\.carrierCallID)
        trial.expect(
            attempt.value.map { names.contains($0) } ?? (attempt.code == .noAnswer),
            "the error noAnswer, or the call's name",
            "the answer to a request for a call was lost",
            saw: "\(attempt)"
        )
    }

    // MARK: Errors

    /// - Parameter hangsUp: also look at the error of hanging up.
    private mutating func codes(
        _ condition: VendorCondition,
        _ codes: [CarrierError.Code],
        hangsUp: Bool = true
    ) async throws {
        let words = codes.map(\.rawValue).joined(separator: " or ")
        let name = hangsUp ? await placed(try await carrier()) : nil
        let carrier = try await carrier(condition)
        let placing = await place(carrier)
        trial.expect(
            placing.code.map { codes.contains($0) } ?? false,
            "the error \(words)",
            "a call was placed while the vendor was \(condition)",
            saw: "\(placing)"
        )
        guard let name else { return }
        let hangingUp = await hangUp(name, carrier)
        trial.expect(
            hangingUp.code.map { codes.contains($0) } ?? false,
            "the error \(words)",
            "a call was hung up while the vendor was \(condition)",
            saw: "\(hangingUp)"
        )
    }

    private mutating func theWaitIsPassedOn() async throws {
        let attempt = await place(try await carrier(.overloaded(retryAfter: Self.wait)))
        let wait = (attempt.error as? CarrierError)?.retryAfter
        trial.expect(
            wait == Self.wait,
            "an error with a wait of \(Self.wait)",
            "a call was placed while the vendor was overloaded",
            saw: wait.map { "a wait of \($0)" } ?? "\(attempt)"
        )
    }

    private mutating func errorsHoldNoSecrets() async throws {
        guard let name = await placed(try await carrier()) else { return }
        let request = request()
        // Without its plus sign, a number is found in every form that keeps its digits together.
        let numbers = [request.from, request.to].map { String($0.drop { $0 == "+" }) }
        let hidden = (numbers + stage.secrets).filter { !$0.isEmpty }
        var wasPlayed = false
        for condition in Self.troubles {
            guard let carrier = try await stage.carrier(condition) else { continue }
            wasPlayed = true
            for attempt in [await place(carrier, request).error, await hangUp(name, carrier).error] {
                guard let error = attempt else { continue }
                let text = "\(error) " + ((error as? CarrierError)?.message ?? "")
                trial.expect(
                    !hidden.contains { text.contains($0) },
                    "an error without numbers and secrets",
                    "a request was sent while the vendor was \(condition)",
                    saw: "one of them in the message"
                )
            }
        }
        guard wasPlayed else { throw CannotPlay() }
    }

    // MARK: Hanging up

    private mutating func hangingUpEndsTheCall() async throws {
        let carrier = try await carrier()
        guard let name = await placed(carrier) else { return }
        let attempt = await hangUp(name, carrier)
        trial.expect(attempt.value == .done, "done", "a live call was hung up", saw: "\(attempt)")
        let isOver = try await isOver(name)
        trial.expect(isOver, "a call that is over", "a live call was hung up", saw: "a call that is up")
    }

    private mutating func hangingUpHarmsNoOther() async throws {
        let carrier = try await carrier()
        guard let one = await placed(carrier), let other = await placed(carrier) else { return }
        _ = await hangUp(one, carrier)
        _ = try await isOver(one)
        let isUp = try await stage.calls().contains { $0.carrierCallID == other && $0.isLive }
        trial.expect(isUp, "the other call up", "one of two calls was hung up", saw: "the other call over")
    }

    private mutating func hangingUpTwiceIsOneEnd() async throws {
        let carrier = try await carrier()
        guard let name = await placed(carrier) else { return }
        _ = await hangUp(name, carrier)
        let attempt = await hangUp(name, carrier)
        trial.expect(attempt.value != nil, "no error", "a call was hung up a second time", saw: "\(attempt)")
    }

    private mutating func hangingUpAtOnceIsOneEnd() async throws {
        let carrier = try await carrier()
        guard let name = await placed(carrier) else { return }
        let trial = trial
        let attempts = await withTaskGroup(of: Attempt<HangUpAnswer>.self) { group in
            for _ in 0..<20 { group.addTask { await trial.attempt { try await carrier.hangUp(name) } } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let failed = attempts.filter { $0.value == nil }
        self.trial.expect(
            failed.isEmpty,
            "no error",
            "a call was hung up twenty times at once",
            saw: "\(failed.count) times \(failed.first.map { "\($0)" } ?? "")"
        )
        let isOver = try await isOver(name)
        self.trial.expect(isOver, "a call that is over", "a call was hung up twenty times at once", saw: "it is up")
    }

    private mutating func aCallThatIsOverIsGone() async throws {
        let carrier = try await carrier()
        guard let name = await placed(carrier) else { return }
        try await stage.partyHangsUp(name)
        guard try await isOver(name) else { throw StageFailure(description: "a call of its own party does not end") }
        let attempt = await hangUp(name, carrier)
        trial.expect(
            attempt.value == .alreadyGone,
            "alreadyGone",
            "a call was hung up that the other party had ended",
            saw: "\(attempt)"
        )
    }

    private mutating func anUnknownCallIsGone() async throws {
        let attempt = await hangUp(stage.unknownCallID, try await carrier())
        trial.expect(
            attempt.value == .alreadyGone,
            "alreadyGone",
            "a call was hung up that the vendor does not know",
            saw: "\(attempt)"
        )
    }

    private mutating func aFailedHangUpIsNotDone() async throws {
        var wasPlayed = false
        for condition in Self.troubles {
            guard let name = await placed(try await carrier()) else { return }
            guard let carrier = try await stage.carrier(condition) else { continue }
            wasPlayed = true
            let attempt = await hangUp(name, carrier)
            // One that carried it out after all, and knows, may say so.
            guard let answer = attempt.value, try await !isOver(name) else { continue }
            trial.expect(
                false,
                "an error",
                "a call was hung up while the vendor was \(condition), and it is still up",
                saw: "\(answer)"
            )
        }
        guard wasPlayed else { throw CannotPlay() }
    }

    // MARK: Other requests

    private mutating func redirectingAnEndedCallIsRefused() async throws {
        let carrier = try await carrier()
        guard let name = await placed(carrier) else { return }
        try await stage.partyHangsUp(name)
        guard try await isOver(name) else { throw StageFailure(description: "a call of its own party does not end") }
        let attempt = await trial.attempt { try await carrier.redirect(name, to: .say("Goodbye.", language: nil)) }
        trial.expect(attempt.code == .refused, "the error refused", "an ended call was redirected", saw: "\(attempt)")
    }

    private mutating func limitingTheDurationIsNoError() async throws {
        let carrier = try await carrier()
        guard let name = await placed(carrier) else { return }
        _ = await trial.need("a live call's duration was limited") {
            try await carrier.limitDuration(of: name, to: .seconds(600))
        }
    }

    private mutating func cancelledRequestsReturn() async throws {
        guard let name = await placed(try await carrier()) else { return }
        let carrier = try await carrier(.silent)
        for isAtOnce in [true, false] {
            let request = request()
            let placing = await trial.cancelled(atOnce: isAtOnce) { try await carrier.place(request) }
            trial.expect(
                placing.hasReturned,
                "a return",
                "placing was cancelled while the vendor was silent",
                saw: "\(placing)"
            )
            let hangingUp = await trial.cancelled(atOnce: isAtOnce) { try await carrier.hangUp(name) }
            trial.expect(
                hangingUp.hasReturned,
                "a return",
                "hanging up was cancelled while the vendor was silent",
                saw: "\(hangingUp)"
            )
        }
    }

    // MARK: Parts

    /// The troubles in which a request has an outcome.
    private static let troubles: [VendorCondition] = [
        .refusing, .refusingKey, .overloaded(retryAfter: wait), .unreachable, .losingAnswers,
    ]

    private func carrier(_ condition: VendorCondition = .healthy) async throws -> any Carrier {
        guard let carrier = try await stage.carrier(condition) else { throw CannotPlay() }
        return carrier
    }

    private func request() -> PlaceCallRequest {
        stage.request(for: CallID("contract-" + String(UInt64.random(in: 1...UInt64.max), radix: 16)))
    }

    private mutating func placed(_ carrier: any Carrier) async -> String? {
        let request = request()
        return await trial.need("a call was placed") { try await carrier.place(request) }
    }

    private func place(_ carrier: any Carrier, _ request: PlaceCallRequest? = nil) async -> Attempt<String> {
        let request = request ?? self.request()
        return await trial.attempt { try await carrier.place(request) }
    }

    private func hangUp(_ name: String, _ carrier: any Carrier) async -> Attempt<HangUpAnswer> {
        await trial.attempt { try await carrier.hangUp(name) }
    }

    /// Waits until the vendor's call is over: it may end a moment after the answer.
    private func isOver(_ name: String) async throws -> Bool {
        let deadline = ContinuousClock.now + trial.patience
        while try await stage.calls().contains(where: { $0.carrierCallID == name && $0.isLive }) {
            guard ContinuousClock.now < deadline else { return false }
            try await Task.sleep(for: .milliseconds(5))
        }
        return true
    }
}

/// The stage does not do what it promises.
private struct StageFailure: Error, CustomStringConvertible {
    var description: String
}

extension Attempt {
    /// The code of a carrier's error.
    fileprivate var code: CarrierError.Code? { (error as? CarrierError)?.code }
}
