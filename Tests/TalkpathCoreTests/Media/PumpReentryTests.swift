import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

/// A socket that breaks during a write reports it at once, in the middle of the write.
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

    @Test func `messages that are written during a hand-over go out behind it`() throws {
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

    @Test func `a socket that is lost during a hand-over takes the waiting messages with it`() throws {
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
