import NIOSSL
import TalkpathCore

extension TLSCertificate {
    /// The time in which the port's certificate and all of its chain are valid.
    struct Validity: Equatable {
        var begin: WallTime
        var end: WallTime

        init(begin: WallTime, end: WallTime) {
            self.begin = begin
            self.end = end
        }

        init(_ chain: [NIOSSLCertificate]) {
            begin = WallTime(milliseconds: Self.milliseconds(chain.map(\.notValidBefore).max() ?? 0))
            end = WallTime(milliseconds: Self.milliseconds(chain.map(\.notValidAfter).min() ?? 0))
        }

        /// The warning for the operator; `nil` if there is no need for one.
        func warning(at now: WallTime) -> String? {
            let left = end.milliseconds - now.milliseconds
            if left <= 0 {
                return "The port's certificate has expired: clients that verify it cannot connect. Renew it"
            }
            if now < begin {
                return "The port's certificate is not valid yet: until then, no client that verifies it connects"
            }
            guard left < Self.notice else { return nil }
            return "The port's certificate expires soon. Renew it"
        }

        /// The remaining time from which to warn: two weeks. Automatic renewal happens earlier, so it has failed by
        /// then.
        private static let notice: Int64 = 14 * 86_400_000

        /// Clamps the time, because a certificate may name any instant.
        private static func milliseconds(_ seconds: Int) -> Int64 {
            let (product, isTooLarge) = Int64(seconds).multipliedReportingOverflow(by: 1000)
            return isTooLarge ? (seconds < 0 ? .min : .max) / 4 : product
        }
    }
}
