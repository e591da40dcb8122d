import Logging
import ServiceLifecycle
import TalkpathCore
import TalkpathStore

/// Analyses calls after their end, one after another. Live calls never wait for it.
///
/// The store keeps the pending analyses, so that a process that dies loses none.
struct AnalysisService: Service {
    let store: SQLCallStore
    let recorder: EventRecorder
    /// `nil` computes figures only.
    let model: AnalysisModel?
    let clock: any CallClock
    let logger: Logger
    /// The pause between two attempts.
    var pause = Duration.seconds(5)

    private static let attempts = 3

    func run() async throws {
        let bell = Bell()
        let number = recorder.bells.add(bell)
        defer { recorder.bells.remove(number) }
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await analyseAll()
                // After a while, a call whose timeline was lost is analysed without it.
                await bell.wait(atMost: .seconds(15))
            }
        }
    }

    private func analyseAll() async {
        do {
            while !Task.isCancelled {
                let waiting = try await store.unanalysed(at: clock.wallTime)
                guard !waiting.isEmpty else { return }
                for one in waiting {
                    let call = await analysed(one)
                    // If the task was cancelled midway, the next process analyses the call.
                    guard !Task.isCancelled else { return }
                    try await store.finishAnalysis(of: call, at: clock.wallTime)
                }
            }
        } catch {
            guard !Task.isCancelled else { return }
            logger.error("An analysis could not be kept", metadata: ["error": "\(error)"])
        }
    }

    private func analysed(_ one: SQLCallStore.Unanalysed) async -> CallSnapshot {
        var call = one.call
        let timeline = one.timeline.map(ConversationTimeline.init(json:)) ?? ConversationTimeline()
        var analysis = ConversationMetrics(timeline: timeline, call: call).analysis
        if let model, !call.transcript.isEmpty, let opinion = await opinion(on: call, of: model) {
            analysis.summary = opinion.summary
            analysis.sentiment = opinion.sentiment
            analysis.outcome = opinion.outcome
            analysis.model = model.configuration.model
        }
        call.analysis = analysis
        return call
    }

    private func opinion(on call: CallSnapshot, of model: AnalysisModel) async -> AnalysisOpinion? {
        for attempt in 1...Self.attempts {
            do {
                return try await model.opinion(on: call)
            } catch {
                logger.warning(
                    "A call could not be judged by the language model",
                    metadata: ["call_id": "\(call.id)", "attempt": "\(attempt)", "reason": "\(error)"]
                )
                guard error.isPassing, attempt < Self.attempts, !Task.isCancelled else { return nil }
                try? await Task.sleep(for: pause * attempt)
            }
        }
        return nil
    }
}
