import Testing

@testable import talkpath

@Suite struct TerminalColoursTests {
    @Test(
        arguments: [
            (true, [:], true),
            (true, ["TERM": "xterm-256color"], true),
            (true, ["NO_COLOR": ""], true),
            (true, ["NO_COLOR": "1"], false),
            (true, ["TERM": "dumb"], false),
            (false, ["TERM": "xterm-256color"], false),
        ] as [(Bool, [String: String], Bool)]
    )
    func `colours are for terminals that have them and people who want them`(
        isTerminal: Bool,
        environment: [String: String],
        areWanted: Bool
    ) {
        #expect(TerminalColours.areWanted(isTerminal: isTerminal, environment: environment) == areWanted)
    }
}
