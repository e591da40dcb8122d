import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

/// A socket that breaks while it is written to reports at once, in the middle of the writing.
@Suite struct PumpReentryTests {
    private final class Socket: LegSink {
        var messages = 0
        var onFirstMessage: () -> Void = {}

        func drain(_ outbox: inout MessageOutbox) {
            outbox.drain { _ in
                messages += 1
                let body = onFirstMessage
                onFirstMessage = {}
                body()
            }
        }
    }

    private func media() throws -> CallMedia {
        try CallMedia(plan: MediaPlan(provider: .openai, agentInput: .telephony, agentOutput: .telephony))
    }

    @Test func `what is written while messages are handed over goes out behind them`() throws {
        let (media, socket) = (try media(), Socket())
        media.agentOpened(socket)
        media.command(.say("one"))
        socket.onFirstMessage = {
            media.command(.say("two"))
            media.pump()
        }
        media.pump()
        #expect(socket.messages == 2)
    }

    @Test func `a socket that is lost while messages are handed to it takes what waits with it`() throws {
        let (media, socket) = (try media(), Socket())
        media.agentOpened(socket)
        media.command(.say("one"))
        socket.onFirstMessage = {
            media.command(.say("two"))
            media.agentLost()
            media.pump()
        }
        media.pump()
        #expect(socket.messages == 1)
    }
}
