import NIOSSL
import TalkpathCore

extension TLSCertificate {
    /// From when until when the port's certificate and all of its chain are valid.
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

        /// The warning for the operator; nil while all is well.
        func warning(at now: WallTime) -> String? {
            let left = end.milliseconds - now.milliseconds
            if left <= 0 {
                return "The port's certificate has expired: no client that verifies it connects any more. Renew it"
            }
            if now < begin {
                return "The port's certificate is not valid yet: until then, no client that verifies it connects"
            }
            guard left < Self.notice else { return nil }
            return "The port's certificate expires soon. Renew it"
        }

        /// Automatic renewal happens earlier; less than two weeks mean that it has failed.
        private static let notice: Int64 = 14 * 86_400_000

        /// A certificate may name any instant.
        private static func milliseconds(_ seconds: Int) -> Int64 {
            let (product, isTooLarge) = Int64(seconds).multipliedReportingOverflow(by: 1000)
            return isTooLarge ? (seconds < 0 ? .min : .max) / 4 : product
        }
    }
}
