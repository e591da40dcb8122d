import Synchronization

/// Carries one noncopyable value into a thread or a task: a half of a ring, or a whole leg of a call.
///
/// A closure that outlives its scope cannot consume a noncopyable value that it captures. It can capture this instead,
/// and take the value out of it.
///
/// ```swift
/// let parcel = HandOver(ring.consumer)
/// Thread.detachNewThread {
///     guard var consumer = parcel.take() else { return }
///     // The consumer belongs to this thread now.
/// }
/// ```
///
/// ``take()`` takes a lock; using the value afterwards takes none.
public final class HandOver<Value: ~Copyable & Sendable>: Sendable {
    private let value: Mutex<Value?>

    public init(_ value: consuming Value) {
        self.value = Mutex(value)
    }

    /// Moves the value out.
    /// - Returns: the value at the first call, and `nil` at later ones.
    public func take() -> Value? {
        value.withLock { $0.take() }
    }
}
