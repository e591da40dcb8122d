import TalkpathAudio
import HTTPTypes
import Hummingbird
import Logging
import TalkpathCore
import TalkpathWire

/// Turns problems into the error format of another system.
struct CompatibleProblems: RouterMiddleware {
    let logger: Logger
    let answer: @Sendable (Problem, Request) -> Response

    func handle(
        _ request: Request,
        context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let problem as Problem {
            var response = answer(problem, request)
            for field in problem.headers where response.headers[field.name] == nil { response.headers.append(field) }
            return response
        } catch let error where !(error is CancellationError || error is HTTPError) {
            let problem = Problem(unexpected: error)
            if problem.code != .storeUnavailable {
                logger.error("A request failed", metadata: ["error_type": "\(type(of: error))"])
            }
            var response = answer(problem, request)
            for field in problem.headers where response.headers[field.name] == nil { response.headers.append(field) }
            return response
        }
    }
}

extension CallSnapshot {
    /// The time from the answer to the end, or until now; zero if the call was not answered.
    var talking: Duration {
        if let receipt { return receipt.talking }
        guard let answeredAt else { return .zero }
        return max(.zero, duration - .milliseconds(answeredAt.milliseconds - startedAt.milliseconds))
    }

    /// The time of the last change that the record shows.
    var updatedAt: WallTime { endedAt ?? answeredAt ?? startedAt }

    /// One line a turn.
    var transcriptText: String? {
        transcript.isEmpty ? nil : transcript.map { "\($0.speaker.rawValue): \($0.text)" }.joined(separator: "\n")
    }

    var isTest: Bool { metadata["is_testing"]?.bool ?? false }
}
