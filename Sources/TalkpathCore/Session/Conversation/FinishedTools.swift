import TalkpathWire

/// The latest results of functions, for models that call one again under the name of a call that is over.
///
/// Pure. Holds at most ``limit`` results and ``mostBytes`` of them.
struct FinishedTools: Equatable, Sendable {
    private struct Entry: Equatable {
        var call: AgentToolCall
        var output: String
    }

    private var entries: [Entry] = []
    private var bytes = 0

    static let limit = 32
    static let mostBytes = 256 << 10

    mutating func add(_ call: AgentToolCall, _ output: String) {
        entries.append(Entry(call: call, output: output))
        bytes += output.utf8.count
        while entries.count > Self.limit || bytes > Self.mostBytes {
            bytes -= entries.removeFirst().output.utf8.count
        }
    }

    /// The result of this very call: the name, the function and the arguments are the same.
    func output(of call: AgentToolCall) -> String? {
        entries.last { $0.call == call }?.output
    }
}
