import TalkpathCore

/// Checks that an implementation of `Carrier` does what a session relies on. Talkpath's own carrier passes
/// the same check.
///
/// ```swift
/// @Test func `my carrier keeps the contract`() async {
///     let report = await CarrierContract.check(MyStage())
///     #expect(report.isKept && report.unchecked.isEmpty, "\(report)")
/// }
/// ```
///
/// Needs no framework for tests: ``ContractReport`` is a value. The check leaves no call of its own up at the vendor.
public enum CarrierContract {
    public enum Rule: String, ContractRule {
        /// Placing returns the vendor's name of a call that is up.
        case placingNamesTheCall
        /// Two calls have two names.
        case namesAreUnique
        /// One request makes one call: placing is not idempotent.
        case placingMakesOneCall
        /// A request whose answer was lost is not sent again: the call may be up already.
        case aLostCallIsNotPlacedAgain
        /// A request whose answer was lost throws `noAnswer`, or finds its call and returns the name. Any other error says
        /// that there is no call.
        case aLostAnswerSaysSo
        /// A request that was understood and refused throws `refused`.
        case aRefusalSaysSo
        /// A wrong key throws `unauthorized`, when placing and when hanging up.
        case aRefusedKeySaysSo
        /// Too many requests throw `unavailable`, when placing and when hanging up.
        case anOverloadSaysSo
        /// The wait that the vendor asks for stands in the error: retries go by it.
        case theWaitIsPassedOn
        /// A vendor that cannot be reached throws `unavailable`, or `noAnswer` where it is not sure that nothing was sent.
        case anUnreachableVendorSaysSo
        /// Errors show neither the numbers of the request nor secrets, for they reach records and logs.
        case errorsHoldNoSecrets
        /// Hanging up returns `done`, and the call is over.
        case hangingUpEndsTheCall
        /// Hanging up leaves every other call alone.
        case hangingUpHarmsNoOther
        /// Hanging up a second time is no error.
        case hangingUpTwiceIsOneEnd
        /// Many hang-ups of one call at once are no error for any of them.
        case hangingUpAtOnceIsOneEnd
        /// A call that the other party has ended is `alreadyGone`.
        case aCallThatIsOverIsGone
        /// A call that the vendor does not know is `alreadyGone`.
        case anUnknownCallIsGone
        /// A hang-up that failed throws. It never returns while the call is up, for nobody would try again.
        case aFailedHangUpIsNotDone
        /// Redirecting a call that is over throws `refused`, as does a carrier that cannot redirect.
        case redirectingAnEndedCallIsRefused
        /// Limiting a live call's duration is no error. A carrier that cannot does nothing.
        case limitingTheDurationIsNoError
        /// Placing and hanging up return when their task is cancelled, also while the vendor is silent.
        case cancelledRequestsReturn
    }

    /// Checks a carrier by its rules, one after the other.
    ///
    /// - Parameters:
    ///   - rules: those to check.
    ///   - patience: the longest time for any one request, and for the vendor to end a call that was hung up.
    public static func check(
        _ stage: some CarrierStage,
        rules: [Rule] = Rule.allCases,
        patience: Duration = .seconds(10)
    ) async -> ContractReport<Rule> {
        var report = ContractReport<Rule>()
        await report.run(rules, patience: patience) { trial in
            var check = CarrierCheck(stage: stage, trial: trial)
            defer { trial = check.trial }
            let before = Set(try await stage.calls().map(\.carrierCallID))
            do {
                try await check.run()
            } catch {
                await tidyUp(stage, before)
                throw error
            }
            await tidyUp(stage, before)
        }
        return report
    }

    /// Hangs up the calls of a rule that are still up.
    private static func tidyUp(_ stage: some CarrierStage, _ before: Set<String>) async {
        guard let carrier = try? await stage.carrier(.healthy), let calls = try? await stage.calls() else { return }
        for call in calls where call.isLive && !before.contains(call.carrierCallID) {
            _ = try? await carrier.hangUp(call.carrierCallID)
        }
    }
}
