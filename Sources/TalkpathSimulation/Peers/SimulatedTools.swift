import TalkpathCore
import TalkpathWire

/// Runs functions, with a delay.
final class SimulatedTools: ToolHandler {
    private let world: SimulatedWorld

    init(_ world: SimulatedWorld) {
        self.world = world
    }

    func call(_ tool: AgentToolCall, on call: CallID) async -> String {
        world.begin("tool")
        defer { world.finish("tool") }
        world.opening("a tool")
        let scheduler = world.scheduler
        if await scheduler.sleep(scheduler.chance(10) ? nil : scheduler.milliseconds(0...3000)) {
            world.finished("a tool")
        }
        return "{}"
    }
}
