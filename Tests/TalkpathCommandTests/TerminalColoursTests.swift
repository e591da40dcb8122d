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
    func `colours appear only on terminals with colours and unless the user declines them`(
        isTerminal: Bool,
        environment: [String: String],
        areWanted: Bool
    ) {
        #expect(TerminalColours.areWanted(isTerminal: isTerminal, environment: environment) == areWanted)
    }
}
