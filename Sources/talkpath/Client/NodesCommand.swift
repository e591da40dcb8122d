import ArgumentParser
import NIOHTTP1
import TalkpathWire

/// `talkpath nodes`: lists the nodes that share the server's database, with the load of each.
struct NodesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nodes",
        abstract: "List the nodes that share a running server's database.",
        discussion: """
            Prints a table on a terminal, or in a pipe the server's JSON. The server's key is taken from TALKPATH_API_KEY,
            and must be one of the default tenant.
            """
    )

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let answer = try await server.client.expect(.GET, "/api/nodes")
        print(server.wantsTable ? Self.table(answer["nodes"]?.array ?? []) : answer.serializedText())
    }

    static func table(_ nodes: [JSONValue]) -> String {
        var table = TerminalTable([
            "NODE", "STATE", "CALLS", "FREE", .init("LAG", rank: 2), .init("SILENT", rank: 1), .init("EPOCH", rank: 3),
            .init("VERSION", rank: 4), .init("STARTED", rank: 5),
        ])
        for node in nodes {
            let state = node["state"]?.string ?? ""
            table.add([
                .init((node["id"]?.string ?? "") + (node["self"]?.bool == true ? " *" : "")),
                .init(state, state == "alive" ? .green : state == "silent" ? .red : .yellow),
                .init(number(node["calls"])),
                .init(number(node["free_places"])),
                .init(number(node["loop_lag_ms"]) + " ms"),
                .init(number(node["silent_ms"]) + " ms"),
                .init(number(node["epoch"]), .faint),
                .init(node["version"]?.string ?? "", .faint),
                .init(node["started_at"]?.string ?? "", .faint),
            ])
        }
        return table.text
    }

    private static func number(_ value: JSONValue?) -> String { value?.int.map(String.init) ?? "" }
}
