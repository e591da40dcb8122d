import Foundation
import TalkpathSimulation

// The simulation of sessions without the rest of the package, for developers who change the session and want a quick
// answer:
//     TALKPATH_ONLY=core swift run simulate-sessions --seeds 20000 [--first N] [--threads N] [--failures N] [--json]
//     TALKPATH_ONLY=core swift run simulate-sessions --seed 17
// `--conversations` plays each seed's conversation, with every provider, and nothing else; `--nodes` plays several nodes.
var playsNodes = false
var options = SessionSimulationConsole.Options()
var arguments = Array(CommandLine.arguments.dropFirst())
while let name = arguments.first {
    arguments.removeFirst()
    if name == "--json" {
        options.json = true
        continue
    }
    if name == "--conversations" {
        options.playsOnlyConversations = true
        continue
    }
    if name == "--nodes" {
        playsNodes = true
        continue
    }
    guard let value = arguments.first.flatMap({ UInt64($0) }) else {
        FileHandle.standardError.write(Data("\(name) takes a number\n".utf8))
        exit(64)
    }
    arguments.removeFirst()
    switch name {
    case "--seeds": options.seeds = value
    case "--first": options.first = value
    case "--seed": options.seed = value
    case "--failures": options.failures = Int(clamping: value)
    case "--threads": options.threads = Int(clamping: value)
    default:
        FileHandle.standardError.write(Data("no such option: \(name)\n".utf8))
        exit(64)
    }
}
if playsNodes {
    var console = NodeSimulationConsole(seeds: options.first..<options.first + options.seeds, seed: options.seed)
    (console.threads, console.failures, console.json) = (options.threads, options.failures, options.json)
    exit(await console.run() ? 0 : 1)
}
exit(await SessionSimulationConsole(options).run() ? 0 : 1)
