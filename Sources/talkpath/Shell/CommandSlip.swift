import ArgumentParser
import TalkpathServer

/// A word in the place of a subcommand that is not one.
struct CommandSlip: Equatable {
    /// The commands before it, such as `talkpath simulate`.
    var path: String
    var word: String
    /// The subcommand with the nearest name, if one is near.
    var suggestion: String?

    /// - Returns: `nil` if the arguments lead to a command. Options are left to the parser.
    init?(_ arguments: [String], in root: any ParsableCommand.Type) {
        var command = root
        var path = [Self.name(of: root)]
        for argument in arguments {
            guard !argument.hasPrefix("-"), argument != "help" else { return nil }
            let subcommands = command.configuration.subcommands
            if let next = subcommands.first(where: { Self.names(of: $0).contains(argument) }) {
                command = next
                path.append(argument)
                continue
            }
            // A command with a default subcommand takes the word as that one's argument.
            guard !subcommands.isEmpty, command.configuration.defaultSubcommand == nil else { return nil }
            self.path = path.joined(separator: " ")
            word = argument
            suggestion = NearestName.of(argument, among: subcommands.map(Self.name(of:)))
            return
        }
        return nil
    }

    var message: String {
        let hint = suggestion.map { "; did you mean '\(path) \($0)'?" } ?? ""
        return "there is no command '\(path) \(word)'\(hint) ('\(path) --help' lists them)"
    }

    private static func name(of command: any ParsableCommand.Type) -> String {
        command.configuration.commandName ?? "\(command)".lowercased()
    }

    private static func names(of command: any ParsableCommand.Type) -> [String] {
        [name(of: command)] + command.configuration.aliases
    }
}
