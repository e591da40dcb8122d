import TalkpathCore

/// What the world answers a replayed call: taken from the capture when its time has come.
///
/// Who asks before that waits; who asks later finds it. What the capture has no answer to is answered by nil, at its end.
final class ReplayAnswers: @unchecked Sendable {
    // Unchecked: as the scheduler.

    enum Question: Hashable {
        case place, hangUp, redirect, saveRecord, updateRecord, closeMedia
        case tool(id: String)
        case connectAgent(socket: Int)
        case closeAgent(socket: Int)
    }

    private var answers: [Question: [CaptureHappening]] = [:]
    private var waiting: [Question: [CheckedContinuation<CaptureHappening?, Never>]] = [:]
    private var isOver = false

    /// Deaf to cancellation: the capture knows when a cancelled task gave up.
    ///
    /// - Returns: nil if the capture is over.
    func wait(for question: Question) async -> CaptureHappening? {
        if let answer = answers[question]?.first {
            answers[question]?.removeFirst()
            return answer
        }
        guard !isOver else { return nil }
        return await withCheckedContinuation { waiting[question, default: []].append($0) }
    }

    func answer(_ question: Question, _ happening: CaptureHappening) {
        if let waiter = waiting[question]?.first {
            waiting[question]?.removeFirst()
            waiter.resume(returning: happening)
        } else {
            answers[question, default: []].append(happening)
        }
    }

    /// Nothing is answered by the capture any more.
    func finish() {
        isOver = true
        let waiters = waiting
        waiting = [:]
        for waiter in waiters.values.joined() { waiter.resume(returning: nil) }
    }
}
