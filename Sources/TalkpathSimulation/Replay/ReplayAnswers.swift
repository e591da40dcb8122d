import TalkpathCore

/// The answers of the ports to a replayed call, taken from the capture at their recorded times.
///
/// A question before that time waits; a later question finds the answer. A question without an answer in the capture
/// gets `nil` when the capture ends.
final class ReplayAnswers: @unchecked Sendable {
    // Unchecked: see the scheduler.

    enum Question: Hashable {
        case place, hangUp, redirect, saveRecord, updateRecord
        case closeMedia(line: Int)
        case tool(id: String)
        case connectAgent(socket: AgentSocketID)
        case closeAgent(socket: AgentSocketID)
    }

    private var answers: [Question: [CaptureEvent]] = [:]
    private var waiting: [Question: [CheckedContinuation<CaptureEvent?, Never>]] = [:]
    private var isOver = false

    /// Ignores cancellation, because the capture knows when a cancelled task gave up.
    ///
    /// - Returns: `nil` if the capture is over.
    func wait(for question: Question) async -> CaptureEvent? {
        if let answer = answers[question]?.first {
            answers[question]?.removeFirst()
            return answer
        }
        guard !isOver else { return nil }
        return await withCheckedContinuation { waiting[question, default: []].append($0) }
    }

    func answer(_ question: Question, _ event: CaptureEvent) {
        if let waiter = waiting[question]?.first {
            waiting[question]?.removeFirst()
            waiter.resume(returning: event)
        } else {
            answers[question, default: []].append(event)
        }
    }

    /// The capture gives no more answers.
    func finish() {
        isOver = true
        let waiters = waiting
        waiting = [:]
        for waiter in waiters.values.joined() { waiter.resume(returning: nil) }
    }
}
