import TalkpathAudio

/// The pauses between attempts. They grow by a factor and are randomised, so that attempts that failed together do not
/// repeat together.
package struct Backoff: Sendable {
    var first: Duration
    var factor: Int
    var longest: Duration
    /// The number of failures after which to give up.
    var attempts: Int

    /// From seconds to hours, for about three days in all.
    package static let deliveries = Backoff(first: .seconds(5), factor: 4, longest: .seconds(6 * 3600), attempts: 23)
    static let hangUps = Backoff(first: .seconds(1), factor: 2, longest: .seconds(300), attempts: .max)
    static let connections = Backoff(first: .seconds(1), factor: 2, longest: .seconds(60), attempts: .max)

    /// - Parameters:
    ///   - failures: the number of failures so far, at least one.
    ///   - asked: the pause that the receiver asked for; at most a day of it counts.
    ///   - random: from 0 to 1.
    /// - Returns: `nil` to give up.
    func pause(after failures: Int, asked: Duration? = nil, random: Double) -> Duration? {
        guard failures < attempts else { return nil }
        var pause = first
        for _ in 1..<max(2, min(failures, 40)) where failures > 1 && pause < longest { pause = pause * factor }
        // Between half and all of the pause.
        let scattered = min(pause, longest) * (0.5 + random / 2)
        return max(scattered, min(asked ?? .zero, .seconds(24 * 3600)))
    }
}
