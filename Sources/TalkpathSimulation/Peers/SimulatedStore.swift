import TalkpathCore

/// Stores calls; sometimes it fails or does not answer.
final class SimulatedStore: CallStore, @unchecked Sendable {
    // Unchecked: everything runs on the scheduler's one thread.
    private let world: SimulatedWorld
    private(set) var record: CallSnapshot?
    private(set) var saves = 0

    init(_ world: SimulatedWorld) {
        self.world = world
    }

    func save(_ call: CallSnapshot) async throws {
        saves += 1
        try await work("save")
        record = call
    }

    func update(_ call: CallSnapshot) async throws {
        try await work("update")
        if record != nil { record = call }
    }

    func find(_ id: CallID) async throws -> CallSnapshot? { record?.id == id ? record : nil }

    func journal(_ call: CallSnapshot) async throws { try await work("journal", answersAlways: true) }

    func calls(matching query: CallQuery) async throws -> CallPage { CallPage(calls: [], next: nil) }

    func count(matching query: CallQuery) async throws -> Int { 0 }

    /// - Parameter answersAlways: true for the journal, which the port promises to answer.
    private func work(_ name: String, answersAlways: Bool = false) async throws {
        struct Broken: Error {}
        let scheduler = world.scheduler
        world.begin(name)
        defer { world.finish(name) }
        let delay: Duration? =
            !answersAlways && scheduler.chance(world.theme == .slowClosing ? 40 : 4)
            ? nil : scheduler.milliseconds(0...(scheduler.chance(10) ? 9000 : 20))
        guard await scheduler.sleep(delay) else {
            if name == "update", delay != nil, !world.isGivenUp { world.violation("an update was cut off") }
            throw CancellationError()
        }
        if scheduler.chance(5) { throw Broken() }
    }
}
