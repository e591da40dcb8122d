import ArgumentParser

/// `talkpath bench …`: points to the program `talkpath-bench`.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Tell where the benches are.",
        shouldDisplay: false
    )

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []

    func run() throws {
        let words = (["talkpath-bench"] + arguments).joined(separator: " ")
        throw CommandFailure(
            "the benches are a program of their own: run 'swift run -c release \(words)' in a checkout",
            status: 64
        )
    }
}
