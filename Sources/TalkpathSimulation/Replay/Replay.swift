package import TalkpathCore
import TalkpathWire

/// Runs a recorded call again: the real session, pipelines and codecs, on a virtual clock, with the recorded input at
/// its recorded times.
///
/// ```swift
/// try await Replay("demo-out/call.tpcap").run { call in
///     #expect(call.differences.isEmpty)
///     #expect(call.interruptions.count == 1)
///     #expect(call.receipt?.reason == .endedByAPI)
/// }
/// ```
///
/// A call of a minute takes some tenths of a second. Replays share no state and may run in parallel.
public struct Replay: Sendable {
    package let capture: Capture
    /// The capture to compare with; by default the replayed one.
    package var expected: Capture

    /// - Throws: ``ReplayError`` if the file cannot be read, or is not a capture.
    public init(_ path: String) throws(ReplayError) {
        try self.init(bytes: ReplayFile.bytes(of: path), name: path)
    }

    /// - Parameter name: the file's name in errors.
    public init(bytes: [UInt8], name: String = "the capture") throws(ReplayError) {
        do {
            capture = try Capture(reading: bytes)
        } catch {
            throw ReplayError(file: name, detail: "\(error)")
        }
        expected = capture
    }

    package init(_ capture: Capture) {
        self.capture = capture
        expected = capture
    }

    /// Sets another capture to compare with.
    public func expecting(_ path: String) throws(ReplayError) -> Replay {
        var other = self
        other.expected = try Replay(path).capture
        return other
    }

    /// Replays the call, and passes the result to `judge`.
    @discardableResult
    public func run(_ judge: (ReplayedCall) async throws -> Void = { _ in }) async throws -> ReplayedCall {
        let call = try replayed()
        try await judge(call)
        return call
    }

    /// Replays the call on the calling thread.
    ///
    /// - Parameter pace: called before each input, with its time since the call began.
    package func replayed(pace: ((Duration) -> Void)? = nil) throws -> ReplayedCall {
        let run = ReplayRun(capture)
        let count = try run.play(pace: pace)
        return ReplayedCall(capture, expected: expected, run.world, compared: count)
    }
}

/// The reason why a capture cannot be replayed, in one line.
public struct ReplayError: Error, Equatable, Sendable, CustomStringConvertible {
    public var file: String
    public var detail: String

    package init(file: String, detail: String) {
        self.file = file
        self.detail = detail
    }

    public var description: String { "\(file): \(detail)" }
}
