import TalkpathWire
import Testing

struct TwilioStreamErrorTests {
    @Test(arguments: ["31924", "31924: protocol error", "Error 31924 - Stream - WebSocket - Protocol Error"])
    func `a code is found among words`(text: String) {
        let error = TwilioStreamError(text)
        #expect(error.code == 31924 && error.effect == .fatal)
        #expect(error.message == "the media socket broke the WebSocket protocol")
    }

    @Test(arguments: [31930, 31931, 31951])
    func `a warning does not end the stream`(code: Int) {
        #expect(TwilioStreamError("\(code)").effect == .warning)
    }

    @Test func `a socket closed by the server is distinguished`() {
        #expect(TwilioStreamError("31921").effect == .closedByServer)
    }

    @Test func `unknown codes and words are kept as they are, within a bound`() {
        #expect(TwilioStreamError("31999").code == 31999)
        #expect(TwilioStreamError("31999").message == "31999")
        #expect(TwilioStreamError("").code == nil)
        #expect(TwilioStreamError("99999999999999999999999").code == nil)
        #expect(TwilioStreamError(String(repeating: "x", count: 100_000)).message.count == 200)
    }
}
