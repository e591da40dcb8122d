import Foundation
import TalkpathCore
import Testing

@testable import TalkpathServer

/// The capture setting of a call: that of the call itself, else of its agent, else of the server.
@Suite(.timeLimit(.minutes(5))) struct CaptureSettingTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var server: String
        var agent: String?
        var call: String?
        var kept: Set<String>

        var testDescription: String { "server \(server), agent \(agent ?? "–"), call \(call ?? "–")" }

        var body: String {
            let agent = agent.map { #","agent":{"capture":"\#($0)"}"# } ?? ""
            let call = call.map { #","capture":"\#($0)""# } ?? ""
            return agent + call
        }
    }

    @Test(arguments: [
        Case(server: "off", kept: []),
        Case(server: "wire", kept: ["tpcap"]),
        Case(server: "wire,audio", kept: ["tpcap", "ogg"]),
        Case(server: "off", agent: "audio", kept: ["ogg"]),
        Case(server: "wire", agent: "audio", kept: ["ogg"]),
        Case(server: "wire", agent: "off", kept: []),
        Case(server: "off", call: "wire", kept: ["tpcap"]),
        Case(server: "audio", call: "off", kept: []),
        Case(server: "off", agent: "audio", call: "wire", kept: ["tpcap"]),
        Case(server: "wire", agent: "wire,audio", call: "off", kept: []),
    ])
    func `the most specific setting counts`(_ given: Case) async throws {
        try await ServerFolder.run { folder in
            let configure = { (configuration: inout ServerConfiguration) in
                configuration.storage = .init(folder: folder.path)
                configuration.recordings = Recordings(folder: folder.path + "/recordings")
                configuration.capture = CapturePolicy(words: given.server) ?? .nothing
            }
            var call = CallID("")
            try await TestServer.run(configure: configure) { test async throws in
                call = try await test.place(given.body)
                _ = try await test.end(call)
            }
            // The server has stopped and has written its files.
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/recordings")
            #expect(Set(names) == Set(given.kept.map { "\(call).\($0)" }))
        }
    }
}
