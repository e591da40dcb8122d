import TalkpathCore
import TalkpathTesting

/// A carrier that keeps the contract but for one mistake.
struct FlawedCarrier: Carrier {
    let vendor: FakeVendor
    let flaw: CarrierFlaw?

    static let key = "key-of-the-vendor"

    func place(_ request: PlaceCallRequest) async throws(CarrierError) -> String {
        await hangIfFlawed()
        if flaw == .namesCallsAlike, await vendor.condition == .healthy, let live = await vendor.firstLive() {
            _ = await vendor.place(from: request.from, to: request.to)
            return live
        }
        if flaw == .placesTwice { _ = await vendor.place(from: request.from, to: request.to) }
        var answer = await vendor.place(from: request.from, to: request.to)
        if case .lost = answer, flaw == .placesAgainWhenTheAnswerIsLost {
            answer = await vendor.place(from: request.from, to: request.to)
        }
        guard case .placed(let name) = answer else { throw error(answer) }
        return flaw == .namesNoCall ? "" : name
    }

    func hangUp(_ carrierCallID: String) async throws(CarrierError) -> HangUpAnswer {
        await hangIfFlawed()
        let earlier = await vendor.noteHangUp(of: carrierCallID)
        switch flaw {
        case .hangsUpNothing where await vendor.condition == .healthy && carrierCallID != "V0":
            if await vendor.isLive(carrierCallID) { return .done }
        case .hangsUpEverything: await vendor.endOthers(than: carrierCallID)
        case .failsTheSecondTime where earlier == 1: throw CarrierError(.refused, "it is over")
        case .failsInACrowd where earlier == 10: throw CarrierError(.unavailable, "one at a time")
        default: break
        }
        let answer = await vendor.end(carrierCallID)
        switch answer {
        case .ended: return .done
        case .notKnown where flaw == .callsAnUnknownCallAnError && carrierCallID == "V0":
            throw CarrierError(.refused, "there is no such call")
        case .notKnown where flaw == .callsAnEndedCallDone && carrierCallID != "V0": return .done
        case .notKnown: return .alreadyGone
        case _ where flaw == .callsEveryHangUpDone: return .done
        default: throw error(answer)
        }
    }

    func redirect(_ carrierCallID: String, to instructions: CarrierInstructions) async throws(CarrierError) {
        if flaw != .redirectsEndedCalls { throw CarrierError(.refused, "it cannot redirect") }
    }

    func limitDuration(of carrierCallID: String, to limit: Duration) async throws(CarrierError) {
        if flaw == .cannotLimit { throw CarrierError(.refused, "it cannot limit") }
    }

    /// Does not see that its task is cancelled.
    private func hangIfFlawed() async {
        guard flaw == .doesNotReturn, await vendor.condition == .silent else { return }
        await Unending.wait()
    }

    private func error(_ answer: FakeVendor.Answer?) -> CarrierError {
        switch answer {
        case .refused(let words):
            CarrierError(
                flaw == .callsARefusalATrouble ? .unavailable : .refused,
                flaw == .quotesNumbers ? words : "refused"
            )
        case .wrongKey:
            CarrierError(
                flaw == .callsAWrongKeyARefusal ? .refused : .unauthorized,
                flaw == .showsTheKey ? "\(Self.key) is wrong" : "the key is wrong"
            )
        case .tooMany(let retryAfter):
            CarrierError(
                flaw == .callsAnOverloadARefusal ? .refused : .unavailable,
                "too many",
                retryAfter: flaw == .forgetsTheWait ? nil : retryAfter
            )
        case nil: CarrierError(flaw == .callsAnUnreachableVendorARefusal ? .refused : .unavailable, "nobody answers")
        case .lost: CarrierError(flaw == .callsALostAnswerARefusal ? .refused : .noAnswer, "no answer")
        case .placed, .ended, .notKnown: CarrierError(.noAnswer, "an answer that means nothing")
        }
    }
}

/// A wait that nothing ends, and that does not see its task cancelled.
enum Unending {
    static func wait() async {
        await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
    }
}
