import Logging
import ServiceLifecycle
import TalkpathAudio
import TalkpathCore
import TalkpathStore

/// Retries hang-ups that the carrier has not confirmed, also after a restart of the server.
struct HangUps: Service {
    let store: SQLCallStore
    /// `nil` if no carrier account is configured.
    let carriers: TenantCarriers?
    /// A steady clock: pauses do not change when the machine's clock is set.
    let clock: any CallClock
    let bell: Bell
    let logger: Logger
    var backoff = Backoff.hangUps
    var instruments = ServerInstruments()

    private static let longestSleep = Duration.seconds(5)

    func run() async throws {
        guard let carriers else {
            try? await gracefulShutdown()
            return
        }
        let underWay = CallsUnderWay()
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                while !Task.isCancelled {
                    await countUnconfirmed()
                    // A hang-up that hangs delays no other: the next look does not wait for it.
                    for job in await dueJobs(exceptOf: underWay.calls) {
                        underWay.begin(job.callID)
                        group.addTask {
                            await hangUp(job, carriers)
                            underWay.end(job.callID)
                        }
                    }
                    await bell.wait(atMost: Self.longestSleep)
                }
                group.cancelAll()
            }
        }
    }

    /// Those that their calls' sessions still ask for are among them.
    private func countUnconfirmed() async {
        // A store that cannot be read tells so itself, and the last number stays.
        guard let count = try? await store.unconfirmedHangUps() else { return }
        instruments.unconfirmed(hangUps: count)
    }

    private func dueJobs(exceptOf busy: Set<CallID>) async -> [HangUpJob] {
        do {
            let old = try await store.abandonOldHangUps(at: clock.wallTime)
            if old > 0 {
                logger.error(
                    "Hang-ups were never confirmed; the carrier's own time limit has ended these calls",
                    metadata: ["calls": "\(old)"]
                )
            }
            return try await store.dueHangUps(at: clock.wallTime, exceptOf: busy)
        } catch {
            if !Task.isCancelled, !error.isOfTheStore {
                logger.error("Hang-ups could not be looked up", metadata: ["error": "\(error)"])
            }
            return []
        }
    }

    private func hangUp(_ job: HangUpJob, _ carriers: TenantCarriers) async {
        guard let name = job.carrierCallID else { return }
        do {
            var asked: Duration?
            do throws(CarrierError) {
                _ = try await carriers.hangUp(name, tenant: job.tenant)
                try? await store.confirmHangUp(job.callID)
                logger.notice("A call was hung up after its end", metadata: ["call_id": "\(job.callID)"])
                return
            } catch {
                asked = error.retryAfter
            }
            let pause = backoff.pause(after: job.attempts + 1, asked: asked, random: .random(in: 0...1))
            let wait = Int64((pause ?? backoff.longest).milliseconds)
            let due = WallTime(milliseconds: clock.wallTime.milliseconds + wait)
            try await store.postponeHangUp(job.callID, until: due)
        } catch {
            logger.error("A hang-up could not be noted", metadata: ["call_id": "\(job.callID)"])
        }
    }
}
