import CoreMetrics
import Logging
import ServiceLifecycle
import TalkpathAudio
import TalkpathCore
import TalkpathStore

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Maintains the store: writes events as they arrive, notes that the process is alive, and deletes old data.
struct StoreUpkeep: Service {
    let store: SQLCallStore
    let recorder: EventRecorder
    let storage: ServerConfiguration.Storage
    let clock: any CallClock
    /// The clock by which due times are counted.
    var steady: (any CallClock)?
    var factory: any MetricsFactory = MetricsSystem.factory
    let logger: Logger

    /// The interval of notes that the process is alive. It limits the error in the end times of a killed process's
    /// calls.
    private static let signOfLife = Duration.seconds(5)
    private static let tidying = Duration.seconds(600)
    /// The wait before a write, so that events that arrive together are written together.
    private static let gathering = Duration.milliseconds(5)
    private static let keysAreKept: Int64 = 24 * 3600 * 1000
    private static let webhooksAreKept: Int64 = 3600 * 1000
    private static let day: Int64 = 24 * 3600 * 1000

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await writeEvents() }
                group.addTask {
                    await repeatEvery(Self.signOfLife) {
                        // A node's heartbeats tell that.
                        if store.epoch == nil {
                            try await store.noteAlive(at: clock.wallTime, steady: steady?.wallTime)
                        }
                    }
                }
                group.addTask { await repeatEvery(Self.tidying) { try await tidy() } }
            }
        }
        // Write the events of the last calls.
        do {
            try await store.writePending()
        } catch is CancellationError where store.unsavedCalls == 0 {
            // Cancelled before there was a call, for example because the port is in use. Nothing is lost.
        } catch {
            logger.error(
                "The events of the last calls could not be written, and are lost",
                metadata: ["error": "\(error)", "records": "\(store.unsavedCalls)"]
            )
        }
    }

    private func writeEvents() async {
        let dropped = Counter(label: "talkpath_events_dropped_total", factory: factory)
        var hasToldOfLoss = false
        while !Task.isCancelled {
            // Also wake without a ring, to retry a write that failed.
            await recorder.bell.wait(atMost: .seconds(1))
            try? await Task.sleep(for: Self.gathering)
            do {
                try await store.writePending()
                // A store that has failed serves again once a write succeeds. A node without calls has nothing to write.
                if store.epoch != nil, store.failure != nil { try await store.noteAlive(at: clock.wallTime) }
            } catch is CancellationError {
                return
            } catch {
                // The events stay in memory. The store reports its own faults, once.
                if !error.isOfTheStore {
                    logger.error("Events could not be written yet", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: .seconds(1))
            }
            let lost = recorder.takeDropped()
            guard lost > 0 else { continue }
            dropped.increment(by: lost)
            if !hasToldOfLoss {
                logger.error("The store is too far behind: events are lost", metadata: ["events": "\(lost)"])
            }
            hasToldOfLoss = true
        }
    }

    private func repeatEvery(_ pause: Duration, _ work: () async throws -> Void) async {
        while !Task.isCancelled {
            do {
                try await work()
            } catch is CancellationError {
                return
            } catch {
                if !error.isOfTheStore {
                    logger.error("The store could not be kept in order", metadata: ["error": "\(error)"])
                }
            }
            try? await Task.sleep(for: pause)
        }
    }

    // MARK: Deleting old data

    /// Deletes everything that has been kept long enough.
    ///
    /// Uses the earlier of the two clocks: a clock set years ahead by mistake must not delete everything.
    func tidy() async throws {
        let now = min(clock.wallTime, steady?.wallTime ?? clock.wallTime)
        try await store.forgetIdempotencyKeys(before: WallTime(milliseconds: now.milliseconds - Self.keysAreKept))
        try await store.forgetTalkingTime(before: CallCaps.beginningOfDay(now))
        try await store.forgetEarlierSecrets(before: now)
        if let time = Self.limit(storage.calls, now) {
            var count = 0
            repeat {
                let gone = try await store.forgetCalls(endedBefore: time)
                Self.remove(gone.paths, logger)
                count = gone.count
            } while count > 0
        }
        if let time = Self.limit(storage.recordings, now) {
            var paths: [String] = []
            repeat {
                paths = try await store.forgetRecordings(endedBefore: time)
                Self.remove(paths, logger)
            } while !paths.isEmpty
        }
        if let time = Self.limit(storage.transcripts, now) {
            while try await store.forgetTranscripts(endedBefore: time) > 0 {}
        }
        try await store.forgetUnusedWebhooks(before: WallTime(milliseconds: now.milliseconds - Self.webhooksAreKept))
        if let time = Self.limit(storage.events, now) { _ = try await store.forgetEvents(before: time) }
    }

    private static func limit(_ retention: ServerConfiguration.Retention, _ now: WallTime) -> WallTime? {
        switch retention {
        // Earlier settings may have kept such data: delete them, too.
        case .off: now
        case .days(let days): WallTime(milliseconds: now.milliseconds - Int64(days) * day)
        case .forever: nil
        }
    }

    /// Deletes files of recordings.
    static func remove(_ paths: [String], _ logger: Logger) {
        for path in paths where unlink(path) != 0 && errno != ENOENT {
            logger.error("A recording could not be deleted", metadata: ["path": "\(path)"])
        }
    }
}
