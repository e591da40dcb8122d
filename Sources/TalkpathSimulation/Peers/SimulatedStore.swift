import TalkpathCore

/// Keeps calls, if it is in the mood.
final class SimulatedStore: CallStore {
    private let world: SimulatedWorld

    init(_ world: SimulatedWorld) {
        self.world = world
    }

    func save(_ call: CallSnapshot) async throws { try await work("save") }

    func update(_ call: CallSnapshot) async throws { try await work("update") }

    func find(_ id: CallID) async throws -> CallSnapshot? { nil }

    func recent(limit: Int) async throws -> [CallSnapshot] { [] }

    private func work(_ name: String) async throws {
        struct Broken: Error {}
        let scheduler = world.scheduler
        world.begin(name)
        defer { world.finish(name) }
        let delay: Duration? =
            scheduler.chance(4) ? nil : scheduler.milliseconds(0...(scheduler.chance(10) ? 9000 : 20))
        guard await scheduler.sleep(delay) else {
            if name == "update", delay != nil, !world.isGivenUp { world.violation("an update was cut off") }
            throw CancellationError()
        }
        if scheduler.chance(5) { throw Broken() }
    }
}
