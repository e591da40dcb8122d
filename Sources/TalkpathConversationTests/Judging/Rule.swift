/// A rule of every good call.
package enum Rule: String, Sendable, CaseIterable {
    /// Each turn of the caller is answered within 12 s, unless the caller goes on or the call ends.
    case answers
    /// The call ends because a side or an operator wanted it to end.
    case endsOnPurpose = "ends-on-purpose"
    /// The model's session is not lost.
    case keepsModel = "keeps-model"
    /// No response of the model fails.
    case completesResponses = "completes-responses"
    /// The carrier reports no fault.
    case noCarrierFault = "no-carrier-fault"
    /// Not more than 100 ms of the caller's audio are missing.
    case hearsAll = "hears-all"
    /// Every function that the model calls has arguments that are a JSON object.
    case readableArguments = "readable-arguments"

    package static let longestSilence = 12_000
}
