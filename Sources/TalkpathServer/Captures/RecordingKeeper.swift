import Logging
import ServiceLifecycle
import TalkpathCore
import TalkpathStore

/// Notes each call's files in the store once they are complete, so that they are deleted with the call. Sends the event
/// of a new recording.
///
/// A process that dies leaves files that are not in the store; the next process adds them.
struct RecordingKeeper: Service {
    let captures: CaptureService
    let store: SQLCallStore
    let clock: any CallClock
    let logger: Logger

    /// The age in milliseconds from which a recording found at the start is not announced.
    private static let news: Int64 = 24 * 3600 * 1000
    /// The wait for a call whose record could not be written at once.
    private static let patience = Duration.seconds(2)

    func run() async throws {
        await adopt()
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for await file in captures.files { group.addTask { await keep(file) } }
            }
        } onGracefulShutdown: {
            // The calls have ended, but their last files must still be noted.
            captures.finish()
        }
    }

    private func keep(_ file: KeptFile) async {
        do {
            if try await note(file) { return }
            try? await Task.sleep(for: Self.patience)
            if try await note(file) { return }
            // The call was deleted while its last messages were being written.
            StoreUpkeep.remove([file.path], logger)
        } catch {
            logger.error("A recording could not be noted", metadata: ["call_id": "\(file.call)"])
        }
    }

    private func note(_ file: KeptFile, isNews: Bool = true) async throws -> Bool {
        let event = file.isRecording && isNews ? EventCatalogue.recording(file.call, at: clock.wallTime) : nil
        return try await store.addRecording(file.path, of: file.call, at: clock.wallTime, telling: event)
    }

    /// Adds the files that an earlier process left. Files without a known ended call are left alone.
    private func adopt() async {
        do {
            let known = try await store.recordings()
            for file in captures.recordings.all() where !known.contains(file.path) {
                guard let ended = try await store.find(file.call)?.endedAt else { continue }
                let age = clock.wallTime.milliseconds - ended.milliseconds
                _ = try await note(file, isNews: age < Self.news)
            }
        } catch {
            logger.error("Recordings could not be looked through", metadata: ["error": "\(error)"])
        }
    }
}
