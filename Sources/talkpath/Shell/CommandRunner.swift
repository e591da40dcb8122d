import ArgumentParser
import Foundation

/// Parses the arguments of the process, runs the command, and ends the process.
///
/// Every error takes one form on standard error: `talkpath: what failed`.
enum CommandRunner {
    static func run<Root: AsyncParsableCommand>(_ root: Root.Type) async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if let slip = CommandSlip(arguments, in: root) { fail(slip.message, status: 64) }
        var command: any ParsableCommand
        do {
            command = try root.parseAsRoot(arguments)
        } catch {
            leave(root, error)
        }
        do {
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            switch error {
            case let failure as CommandFailure: fail(failure.description, status: failure.status)
            case is ExitCode, is CleanExit, is ValidationError: leave(root, error)
            // A command without work of its own asks for its help.
            case _ where root.exitCode(for: error) == .success: leave(root, error)
            default: fail(ErrorWords.of(error), status: 1)
            }
        }
    }

    /// Prints the parser's errors in this program's form. Prints help and the version on standard output.
    private static func leave(_ root: (some ParsableCommand).Type, _ error: any Error) -> Never {
        let status = root.exitCode(for: error)
        let message = root.fullMessage(for: error)
        guard status != .success, message.hasPrefix("Error: ") else { root.exit(withError: error) }
        fail(String(message.dropFirst("Error: ".count)), status: status.rawValue)
    }

    private static func fail(_ message: String, status: Int32) -> Never {
        FileHandle.standardError.write(Data("talkpath: \(message)\n".utf8))
        exit(status)
    }
}
