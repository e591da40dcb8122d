import TalkpathTesting

/// A mistake of a carrier.
enum CarrierFlaw: CaseIterable {
    case namesNoCall, namesCallsAlike, placesTwice, placesAgainWhenTheAnswerIsLost, callsALostAnswerARefusal
    case callsARefusalATrouble, callsAWrongKeyARefusal, callsAnOverloadARefusal, forgetsTheWait
    case callsAnUnreachableVendorARefusal, quotesNumbers, showsTheKey, hangsUpNothing, hangsUpEverything
    case failsTheSecondTime, failsInACrowd, callsAnEndedCallDone, callsAnUnknownCallAnError, callsEveryHangUpDone
    case redirectsEndedCalls, cannotLimit, doesNotReturn

    /// The rules that it breaks.
    var broken: Set<CarrierContract.Rule> {
        switch self {
        // Without a name, no call can be hung up either.
        case .namesNoCall:
            [.placingNamesTheCall, .namesAreUnique, .hangingUpEndsTheCall, .hangingUpHarmsNoOther]
        case .namesCallsAlike: [.namesAreUnique, .hangingUpHarmsNoOther]
        case .placesTwice: [.placingMakesOneCall, .aLostCallIsNotPlacedAgain]
        case .placesAgainWhenTheAnswerIsLost: [.aLostCallIsNotPlacedAgain]
        case .callsALostAnswerARefusal: [.aLostAnswerSaysSo]
        case .callsARefusalATrouble: [.aRefusalSaysSo]
        case .callsAWrongKeyARefusal: [.aRefusedKeySaysSo]
        case .callsAnOverloadARefusal: [.anOverloadSaysSo]
        case .forgetsTheWait: [.theWaitIsPassedOn]
        case .callsAnUnreachableVendorARefusal: [.anUnreachableVendorSaysSo]
        case .quotesNumbers, .showsTheKey: [.errorsHoldNoSecrets]
        case .hangsUpNothing: [.hangingUpEndsTheCall, .hangingUpAtOnceIsOneEnd]
        case .hangsUpEverything: [.hangingUpHarmsNoOther]
        case .failsTheSecondTime: [.hangingUpTwiceIsOneEnd, .hangingUpAtOnceIsOneEnd]
        case .failsInACrowd: [.hangingUpAtOnceIsOneEnd]
        case .callsAnEndedCallDone: [.aCallThatIsOverIsGone]
        case .callsAnUnknownCallAnError: [.anUnknownCallIsGone]
        // It does not tell the trouble either.
        case .callsEveryHangUpDone:
            [.aFailedHangUpIsNotDone, .aRefusedKeySaysSo, .anOverloadSaysSo, .anUnreachableVendorSaysSo]
        case .redirectsEndedCalls: [.redirectingAnEndedCallIsRefused]
        case .cannotLimit: [.limitingTheDurationIsNoError]
        case .doesNotReturn: [.cancelledRequestsReturn]
        }
    }
}
