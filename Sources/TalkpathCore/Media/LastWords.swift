/// The words of the caller that the model has heard, or is hearing, and has not written down, when the call ends.
package enum LastWords: Sendable {
    case said, beingSaid
}
