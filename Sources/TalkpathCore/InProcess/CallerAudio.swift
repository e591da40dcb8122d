import Synchronization
import TalkpathAudio

/// The caller's audio for an in-process agent: chunks of linear samples, as they come, in order.
///
/// A chunk is 20 ms as a rule, and up to 200 ms where the agent has fallen behind. The sequence is for one reader: where a
/// second one waits, the first gets the end. It ends with the call, after what was kept, and where the reading task is
/// cancelled.
public struct CallerAudio: AsyncSequence, Sendable {
    public typealias Element = [Int16]
    public typealias Failure = Never

    let queue: CallerAudioQueue

    public func makeAsyncIterator() -> Iterator { Iterator(queue: queue) }

    public struct Iterator: AsyncIteratorProtocol {
        let queue: CallerAudioQueue

        public mutating func next() async -> [Int16]? { await queue.next() }

        public mutating func next(isolation actor: isolated (any Actor)?) async -> [Int16]? { await queue.next() }
    }
}

/// The reader's side of a wait-free ring, and the task that waits at it.
///
/// The call's lane writes and wakes: it takes no lock, waits for nothing and allocates nothing. The lock here is between
/// readers only.
final class CallerAudioQueue: Sendable {
    private let consumer: Mutex<ByteRing.Consumer>
    /// The waiting reader, retained; 0 if there is none.
    private let waiting = Atomic<UInt>(0)
    private let mostBytes: Int

    private final class Waiter: Sendable {
        let continuation: CheckedContinuation<Bool, Never>

        init(_ continuation: CheckedContinuation<Bool, Never>) {
            self.continuation = continuation
        }
    }

    private enum Look {
        case chunk([Int16])
        case nothing, end
    }

    static let mostMilliseconds = 200

    init(_ consumer: consuming ByteRing.Consumer, format: AudioFormat) {
        self.consumer = Mutex(consumer)
        mostBytes = Self.mostMilliseconds * format.bytesPerMillisecond
    }

    func next() async -> [Int16]? {
        while !Task.isCancelled {
            switch look() {
            case .chunk(let samples): return samples
            case .end: return nil
            case .nothing: guard await wait() else { return nil }
            }
        }
        return nil
    }

    /// Wakes the reader, if one waits. From any thread; the lane calls it after each write.
    func wake() { resume(waiting.exchange(0, ordering: .acquiringAndReleasing), looksAgain: true) }

    private func look() -> Look {
        consumer.withLock { consumer in
            if consumer.isFinished { return .end }
            let count = min(consumer.readable, mostBytes)
            guard count > 0 else { return .nothing }
            let samples = [Int16](unsafeUninitializedCapacity: count / 2) { memory, initialized in
                // Safety: the memory has room for `count` bytes, of which the ring fills as many as it says.
                let bytes = UnsafeMutableRawBufferPointer(start: memory.baseAddress, count: count)
                initialized = consumer.read(into: bytes) / 2
            }
            return .chunk(samples)
        }
    }

    private var isWorthALook: Bool { consumer.withLock { $0.readable > 0 || $0.isFinished } }

    /// - Returns: false if another reader has come.
    private func wait() async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waiter = Unmanaged.passRetained(Waiter(continuation))
                let bits = UInt(bitPattern: waiter.toOpaque())
                // Of two exchanges, the later one sees what went before the earlier: either the lane finds this reader, or
                // the reader finds here what the lane has written.
                resume(waiting.exchange(bits, ordering: .acquiringAndReleasing), looksAgain: false)
                if isWorthALook || Task.isCancelled { wake() }
            }
        } onCancel: {
            wake()
        }
    }

    private func resume(_ bits: UInt, looksAgain: Bool) {
        guard let pointer = UnsafeRawPointer(bitPattern: bits) else { return }
        // Safety: an exchange gives the bits of each retained waiter to one caller only.
        Unmanaged<Waiter>.fromOpaque(pointer).takeRetainedValue().continuation.resume(returning: looksAgain)
    }
}
