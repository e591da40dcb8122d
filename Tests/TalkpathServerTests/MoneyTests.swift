import Foundation
import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// The cost of calls in the API, events and metrics.
struct MoneyTests {
    @Test func `the built-in price table can be read, and has the default model's prices`() throws {
        let configuration = TestServer.configuration()
        #expect(configuration.priceProblems().isEmpty)
        let json = try JSONValue(parsing: PackageResources.prices_json)
        let models = (json["models"]?.array ?? []).flatMap { $0["models"]?.array ?? [] }.compactMap(\.string)
        #expect(models.contains(AgentProfile.openAI(key: "", instructions: "").model))
    }

    @Test func `a call without usage costs nothing, and its receipt and record say so`() async throws {
        try await TestServer.run { server in
            let call = try await server.place()
            let live = try await server.send(.GET, "/api/calls/\(call)")
            #expect(live["cost"]?["currency"] == "USD" && live["cost_usd"]?.double == 0)
            let receipt = try await server.end(call)
            #expect(receipt["cost"]?["total"]?.double == 0 && receipt["cost"]?["items"]?.array?.isEmpty == true)
            #expect(try await server.send(.GET, "/api/calls/\(call)")["cost"] == receipt["cost"])
            let lines = try await server.send(.GET, "/metrics").text.split(separator: "\n")
            #expect(lines.contains("talkpath_calls_unpriced_total 0"))
            #expect(lines.contains(#"talkpath_cost_usd_total{part="model"} 0"#))
        }
    }

    @Test func `a price file with a mistake is named and the server does not start`() async throws {
        try await ServerFolder.run { folder in
            let path = folder.path + "/prices.json"
            try #"{"currency":"USD","modells":[]}"#.write(toFile: path, atomically: true, encoding: .utf8)
            var configuration = TestServer.configuration()
            configuration.pricesPath = path
            let problems = configuration.priceProblems()
            #expect(problems.map(\.setting) == ["TALKPATH_PRICES"])
            #expect(problems.first?.message.contains("modells") == true)
            configuration.pricesPath = folder.path + "/missing.json"
            #expect(configuration.priceProblems().first?.message.contains("cannot be read") == true)
        }
    }
}
