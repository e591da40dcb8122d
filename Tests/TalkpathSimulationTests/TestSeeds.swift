import Foundation

/// The amount of work of the suites on virtual time.
enum TestSeeds {
    /// `TALKPATH_SEEDS`: the number of calls; nil if it is not set.
    static let given = ProcessInfo.processInfo.environment["TALKPATH_SEEDS"].flatMap(UInt64.init)
    static let calls = given ?? 2000

    /// A run under a sanitizer sets few seeds: each takes ten times as long, and covers the same paths as the others.
    static let areFew = calls < 2000

    /// All values, or every fourth if the seeds are few.
    static func some<Value>(of values: [Value]) -> [Value] {
        areFew ? values.indices.filter { $0.isMultiple(of: 4) }.map { values[$0] } : values
    }
}
