/// Work on one frame of 20 ms that a call does fifty times a second, and that must allocate nothing.
public struct HotPath: Sendable {
    public let name: String
    /// Makes the needed state and returns the work on one frame.
    public let prepare: @Sendable () throws -> () throws -> Void

    init(_ name: String, _ prepare: @escaping @Sendable () throws -> () throws -> Void) {
        self.name = name
        self.prepare = prepare
    }

    public static let all: [HotPath] =
        resampling + companding + base64 + callPath + rings + tones + levels + opus
}

/// Memory that keeps its place while work uses it again and again; it lives as long as the process.
func memory<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafeMutableBufferPointer<Element> {
    let memory = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
    _ = memory.initialize(from: elements)
    return memory
}

/// Samples without a pattern, the same each time.
func noise(count: Int) -> [Int16] {
    var state: UInt32 = 1
    return (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return Int16(truncatingIfNeeded: Int32(bitPattern: state) >> 17)
    }
}

/// Holds a noncopyable value for a closure.
final class Box<Value: ~Copyable> {
    var value: Value

    init(_ value: consuming Value) {
        self.value = value
    }
}
