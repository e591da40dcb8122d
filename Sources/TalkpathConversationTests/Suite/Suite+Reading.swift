import Foundation
import TalkpathCore
import TalkpathServer
import TalkpathSimulation
import TalkpathWire

extension Suite {
    /// Reads a suite. Nothing is played.
    package init(path: String) throws(SuiteFault) {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            let words =
                FileManager.default.fileExists(atPath: path) ? "the file is not text in UTF-8" : "there is no such file"
            throw SuiteFault(file: path, line: 0, column: 0, words: words)
        }
        try self.init(text: text, file: path)
    }

    package init(text: String, file: String) throws(SuiteFault) {
        let root = try YAMLValue.read(text, file: file)
        let members = try root.members(["suite", "stage", "agent", "tools", "runs", "pass_rate", "tests"])
        let name = (file as NSString).lastPathComponent
        self.init(name: try members["suite"]?.text() ?? name, file: file, tests: [])
        guard let list = members["tests"] else {
            throw root.fault("the suite has no tests: write 'tests:' with a list")
        }
        var reader = SuiteReader(folder: (file as NSString).deletingLastPathComponent)
        reader.standard = try SuiteReader.Standard(members)
        for test in try list.list() { tests += try reader.tests(test) }
        guard !tests.isEmpty else { throw list.fault("the list of tests is empty") }
        var names: Set<String> = []
        for test in tests where !names.insert(test.name).inserted {
            throw SuiteFault(file: file, line: test.line, column: 1, words: "two tests have the name '\(test.name)'")
        }
    }
}

/// Reads the tests of one suite.
struct SuiteReader {
    /// The members that hold for every test that says nothing else.
    struct Standard {
        var agent: YAMLValue?
        var tools: [(name: String, value: YAMLValue)] = []
        var runs: Int?
        var passRate: Share?
        var isLive = false

        init() {}

        init(_ members: [String: YAMLValue]) throws(SuiteFault) {
            agent = members["agent"]
            tools = try members["tools"]?.members() ?? []
            runs = try members["runs"]?.integer(1...1000)
            passRate = try members["pass_rate"]?.share()
            isLive = try members["stage"]?.word(of: ["virtual", "live"]) == "live"
        }
    }

    /// Captures stand relative to it.
    var folder: String
    var standard = Standard()

    init(folder: String) {
        self.folder = folder
    }

    private static let members = [
        "name", "capture", "agent", "tools", "caller", "model", "expect", "runs", "pass_rate", "setup",
        "stage", "persona", "longest",
    ]

    /// - Returns: one test, or one for each provider of its agent.
    func tests(_ value: YAMLValue) throws(SuiteFault) -> [ConversationTest] {
        let members = try value.members(Self.members)
        guard let named = members["name"] else { throw value.fault("the test has no name") }
        let name = try named.text()
        guard let expect = members["expect"] else {
            throw value.fault("the test expects nothing: write 'expect:', or it passes whatever happens")
        }
        let own = try Standard(members)
        var test = ConversationTest(
            name: name,
            file: value.file,
            line: value.line,
            kind: .captured(path: ""),
            expectations: try Expectation.all(expect),
            runs: own.runs ?? standard.runs ?? 1,
            passRate: own.passRate ?? standard.passRate ?? .whole
        )
        if let capture = members["capture"] {
            for other in ["caller", "model", "agent", "tools", "setup", "runs", "stage", "persona", "longest"] {
                guard let member = members[other] else { continue }
                throw member.fault("a test with a capture has no '\(other)': everything stands in the capture")
            }
            let path = try capture.text()
            test.kind = .captured(path: path.hasPrefix("/") || folder.isEmpty ? path : "\(folder)/\(path)")
            test.runs = 1
            return [test]
        }
        if let same = test.expectations.first(where: \.needsCapture) {
            throw SuiteFault(file: value.file, line: same.line, column: 1, words: "'\(same.name)' needs a capture")
        }
        if own.isLive || standard.isLive && members["stage"] == nil { return try live(test, value, members, own) }
        for other in ["persona", "longest"] {
            if let member = members[other] { throw member.fault("'\(other)' is for tests with 'stage: live'") }
        }
        let script = try script(value, members)
        let tools = try standard.tools + (members["tools"]?.members() ?? [])
        let stubs = try Self.stubs(tools)
        let agents = try Self.agents(own.agent ?? standard.agent, tools: tools)
        return agents.map { provider, agent in
            var one = test
            one.kind = .scripted(ScriptedTest(provider: provider, agent: agent, tools: stubs, script: script))
            if agents.count > 1 { one.name += " (\(provider.rawValue))" }
            return one
        }
    }

    // MARK: The script

    private func script(_ test: YAMLValue, _ members: [String: YAMLValue]) throws(SuiteFault) -> TalkScript {
        guard let caller = members["caller"] else { throw test.fault("the test has neither a caller nor a capture") }
        var steps: [TalkScript.CallerStep] = []
        for step in try caller.list() { steps.append(try Self.step(step, isLive: false)) }
        var answers: [TalkScript.Answer] = []
        for answer in try members["model"]?.list() ?? [] { answers.append(try Self.answer(answer)) }
        guard answers.count <= TalkScript.mostAnswers else {
            throw test.fault("the model's script has \(answers.count) answers: \(TalkScript.mostAnswers) are the most")
        }
        var script = TalkScript(caller: steps, answers: answers)
        if let setup = members["setup"] { script.setup = try setup.milliseconds() }
        return script
    }

    /// - Parameter isLive: true for a caller with a voice.
    static func step(_ value: YAMLValue, isLive: Bool) throws(SuiteFault) -> TalkScript.CallerStep {
        if !value.isMapping, !value.isList {
            _ = try value.word(of: ["hangs_up"])
            return TalkScript.CallerStep(.afterAgent(700), .hangsUp)
        }
        let members = try value.members([
            "says", "interrupts", "presses", "stays", "hangs_up", "after", "at", "for", "clip",
        ])
        if let length = members["for"], isLive { throw length.fault("live words take the time that they take") }
        if let clip = members["clip"], !isLive { throw clip.fault("a clip is for tests with 'stage: live'") }
        let deeds = ["says", "interrupts", "presses", "stays", "hangs_up"].filter { members[$0] != nil }
        guard deeds.count == 1, let deed = deeds.first, let content = members[deed] else {
            throw value.fault("a step of the caller is one of says, interrupts, presses, stays, hangs_up")
        }
        let wait = try members["after"]?.milliseconds()
        var moment = TalkScript.CallerStep.Moment.afterAgent(wait ?? 700)
        if deed == "interrupts" { moment = .intoAgent(wait ?? 1000) }
        if let at = members["at"] {
            guard wait == nil else { throw at.fault("a step has 'after' or 'at', not both") }
            moment = .at(try at.milliseconds())
        }
        if let length = members["for"], deed != "says", deed != "interrupts" {
            throw length.fault("only what is spoken has 'for'")
        }
        switch deed {
        case "says", "interrupts":
            let words = try content.text()
            let length = try members["for"]?.milliseconds() ?? TalkScript.milliseconds(for: words)
            return TalkScript.CallerStep(moment, .speaks(words, milliseconds: max(200, length)))
        case "presses":
            let keys = try content.text()
            guard !keys.isEmpty, keys.allSatisfy({ "0123456789*#".contains($0) }) else {
                throw content.fault("keys are 0 to 9, * and #, in quotation marks")
            }
            return TalkScript.CallerStep(moment, .presses(keys))
        case "stays":
            return TalkScript.CallerStep(
                wait == nil && members["at"] == nil ? .at(0) : moment,
                .stays(milliseconds: try content.milliseconds())
            )
        default:
            guard try content.bool() else { throw content.fault("leave 'hangs_up' out: it is true or is not there") }
            return TalkScript.CallerStep(moment, .hangsUp)
        }
    }

    private static func answer(_ value: YAMLValue) throws(SuiteFault) -> TalkScript.Answer {
        let members = try value.members(["says", "for", "after", "calls", "with", "calls_first", "fails"])
        var answer = TalkScript.Answer()
        if let says = members["says"] {
            answer.words = try says.text()
            answer.milliseconds = TalkScript.milliseconds(for: answer.words)
        }
        if let length = members["for"] { answer.milliseconds = try length.milliseconds() }
        if let after = members["after"] { answer.thinking = try after.milliseconds() }
        if let calls = members["calls"] {
            let arguments = try members["with"]?.json() ?? .object([])
            // A text is sent as it is: it may be malformed on purpose.
            let text = arguments.string ?? arguments.serializedText()
            answer.tool = AgentToolCall(id: "", name: try calls.text(), arguments: text)
        } else if let with = members["with"] ?? members["calls_first"] {
            throw with.fault("only an answer that calls a function has this: write 'calls:'")
        }
        answer.callsFirst = try members["calls_first"]?.bool() ?? false
        if let fails = members["fails"] {
            answer.fault = TalkScript.Answer.Fault(
                rawValue: try fails.word(of: TalkScript.Answer.Fault.allCases.map(\.rawValue))
            )
        }
        guard answer.fault != nil || answer.milliseconds > 0 || answer.tool != nil else {
            throw value.fault("an answer of the model has one of says, calls, fails")
        }
        return answer
    }

    // MARK: Agents and functions

    static func stubs(_ tools: [(name: String, value: YAMLValue)]) throws(SuiteFault) -> [String: ScriptedTest
        .Tool]
    {
        var stubs: [String: ScriptedTest.Tool] = [:]
        for (name, value) in tools {
            let members = try value.members(["returns", "takes", "description", "parameters"])
            let output = try members["returns"]?.json() ?? .object([])
            stubs[name] = ScriptedTest.Tool(output: output, milliseconds: try members["takes"]?.milliseconds() ?? 0)
        }
        return stubs
    }

    /// The agent once for each provider, with the suite's functions.
    static func agents(
        _ value: YAMLValue?,
        tools: [(name: String, value: YAMLValue)],
        of allowed: [AgentProvider] = ScriptedTalk.providers
    ) throws(SuiteFault) -> [(AgentProvider, JSONValue)] {
        var json: JSONValue = .object([])
        var providers: [AgentProvider] = [.openai]
        if let value {
            guard value.isMapping else {
                throw value.fault("'agent' must be a mapping: an agent as in the control API")
            }
            var members: [(key: String, value: JSONValue)] = []
            for (name, member) in try value.members() {
                guard name == "provider" else {
                    members.append((name, try member.json()))
                    continue
                }
                providers = []
                for provider in try member.oneOrMore() {
                    let word = try provider.word(of: allowed.map(\.rawValue))
                    providers += allowed.filter { $0.rawValue == word }
                }
            }
            json = .object(members)
        }
        var offered = json["tools"]?.array ?? []
        for (name, tool) in tools {
            let members = try tool.members(["returns", "takes", "description", "parameters"])
            offered.append([
                "name": .string(name), "description": .string(try members["description"]?.text() ?? name),
                "parameters": try members["parameters"]?.json() ?? ["type": "object", "properties": .object([])],
            ])
        }
        if !offered.isEmpty { json.set("tools", .array(offered)) }
        var agents: [(AgentProvider, JSONValue)] = []
        for provider in providers {
            let problems = AgentFileCheck(json.serialized(), over: ScriptedStage.base(provider)).problems
            if let problem = problems.first, let value { throw value.fault("the agent: \(problem)") }
            agents.append((provider, json))
        }
        return agents
    }
}
