/// A waiting task that is woken once.
final class Sleeper: @unchecked Sendable {
    // Unchecked: see the scheduler.
    private var continuation: CheckedContinuation<Void, Never>?
    private var isWoken = false

    func wait(_ continuation: CheckedContinuation<Void, Never>) {
        if isWoken { continuation.resume() } else { self.continuation = continuation }
    }

    func wake() {
        isWoken = true
        continuation?.resume()
        continuation = nil
    }
}
