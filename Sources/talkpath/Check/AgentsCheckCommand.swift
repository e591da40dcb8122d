import ArgumentParser
import Foundation
import TalkpathCore
import TalkpathServer
import TalkpathWire

/// `talkpath agents check`: checks an agent's definition, or the features of a model's endpoint.
struct AgentsCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check an agent's file, or a model's endpoint.",
        discussion: """
            A file is checked without a server: its fields, what cannot be together, what its model does not take. It \
            prints what the model would be told.

            An address (ws:// or wss://) of OpenAI's Realtime wire is asked, one thing after the other, for all that the \
            bridge may ask for; this costs a few seconds of the model's speech. The key is taken from OPENAI_API_KEY. \
            Exit status: 1 if a call would not be possible.
            """
    )

    @Argument(help: "A JSON file, - for standard input, or an address.")
    var subject: String

    @Option(help: "The model, or the deployment, to ask an endpoint for.")
    var model: String?

    @Option(help: "Whose service it is: openai, azure, xai. Without it, whose address it is.")
    var service: String?

    @Option(help: "The provider of an agent whose file names none.")
    var provider = "openai"

    func run() async throws {
        if subject.contains("://") { try await checkEndpoint() } else { try checkFile() }
    }

    private func checkFile() throws {
        let bytes = Array(
            subject == "-"
                ? FileHandle.standardInput.readDataToEndOfFile() : try Data(contentsOf: URL(filePath: subject))
        )
        let base: AgentProfile =
            switch provider {
            case AgentProvider.gemini.rawValue: .gemini(key: "", instructions: "")
            case AgentProvider.openaiLive.rawValue: .openAILive(key: "", instructions: "")
            case AgentProvider.socket.rawValue: .socket(url: "")
            default: .openAI(key: "", instructions: "")
            }
        let check = AgentFileCheck(bytes, over: base)
        for note in check.notes { print("note: \(note)") }
        for problem in check.problems { print("wrong: \(problem)") }
        guard check.problems.isEmpty else { throw ExitCode.failure }
        print(check.setup?.serializedText() ?? "")
    }

    private func checkEndpoint() async throws {
        let named = service.map { RealtimeService(rawValue: $0) }
        if case .some(.none) = named {
            throw ValidationError("--service is one of openai, azure, xai")
        }
        let service = (named ?? nil) ?? RealtimeService(address: subject)
        guard let model = model ?? service.defaultModel else {
            throw ValidationError("--model is missing: \(service.rawValue) needs the deployment's name")
        }
        let key = ProcessInfo.processInfo.environment["OPENAI_API_KEY"] ?? ""
        var probe = RealtimeProbe(target: service.target(address: subject, model: model, apiKey: key))
        do {
            try await probe.run()
        } catch {
            print("no socket: \(error)")
            throw ExitCode.failure
        }
        let width = probe.findings.map(\.name.count).max() ?? 0
        for finding in probe.findings {
            let name = finding.name.padding(toLength: width, withPad: " ", startingAt: 0)
            print("\(finding.isGood ? " " : finding.isNeeded ? "!" : "-") \(name)  \(finding.words)")
        }
        let missing = probe.findings.filter { !$0.isGood }
        print(missing.isEmpty ? "It does everything." : "It does not do \(missing.count) of \(probe.findings.count).")
        if missing.contains(where: \.isNeeded) { throw ExitCode.failure }
    }
}
