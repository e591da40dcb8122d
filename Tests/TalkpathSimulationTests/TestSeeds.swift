import Foundation

/// How much the suites on virtual time play.
enum TestSeeds {
    /// `TALKPATH_SEEDS`: how many calls; nil if it does not say.
    static let given = ProcessInfo.processInfo.environment["TALKPATH_SEEDS"].flatMap(UInt64.init)
    static let calls = given ?? 2000

    /// A sanitizer's run asks for few seeds: each costs it ten times as much, and takes the same ways through the code as
    /// the others do.
    static let areFew = calls < 2000

    /// All values, or each fourth where the seeds are few.
    static func some<Value>(of values: [Value]) -> [Value] {
        areFew ? values.indices.filter { $0.isMultiple(of: 4) }.map { values[$0] } : values
    }
}
