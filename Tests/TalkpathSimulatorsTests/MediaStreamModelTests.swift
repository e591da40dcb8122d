import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathSimulators

struct MediaStreamModelTests {
    @Test func `the stream begins with connected and then start`() {
        var stream = MediaStreamModel()
        stream.open()
        let messages = stream.takeMessages()
        #expect(messages.map { $0["event"]?.string } == ["connected", "start"])
        #expect(messages[1]["sequenceNumber"] == "1")
        #expect(messages[1]["start"]?["customParameters"] == ["token": "t"])
        #expect(messages[1]["start"]?["mediaFormat"]?["sampleRate"] == 8000)
    }

    @Test func `a frame comes every 20 ms with its number and timestamp`() throws {
        var stream = MediaStreamModel()
        stream.open()
        _ = stream.takeMessages()
        stream.advance(to: .milliseconds(60))
        let media = stream.takeMessages(withAudio: true)
        #expect(media.map { $0["media"]?["timestamp"]?.string } == ["0", "20", "40", "60"])
        #expect(media.map { $0["media"]?["chunk"]?.string } == ["1", "2", "3", "4"])
        #expect(media.map { $0["sequenceNumber"]?.string } == ["2", "3", "4", "5"])
        let payload = try #require(media[0]["media"]?["payload"]?.string)
        #expect(PlainBase64.decode(payload)?.count == 160)
        #expect(stream.snapshot().framesSent.map(\.cumulativeMilliseconds) == [20, 40, 60, 80])
    }

    @Test(arguments: [
        #"{"event":"media","streamSid":"MZ1","media":{"payload":"AA==","x":1}}"#,
        #"{"event":"media","streamSid":"MZ1","media":{"payload":"AA=="},"extra":1}"#,
        #"{"event":"media","streamSid":"MZ2","media":{"payload":"AA=="}}"#,
        #"{"event":"media","media":{"payload":"AA=="}}"#,
        #"{"event":"media","streamSid":"MZ1","media":{"payload":"A-=="}}"#,
        #"{"event":"media","streamSid":"MZ1","media":{"payload":"AAA"}}"#,
        #"{"event":"media","streamSid":"MZ1","media":{"payload":""}}"#,
        #"{"event":"mark","streamSid":"MZ1"}"#, #"{"event":"mark","streamSid":"MZ1","mark":{"name":7}}"#,
        #"{"event":"clear","streamSid":"MZ1","clear":{}}"#, #"{"event":"stop","streamSid":"MZ1"}"#, "[]", "{", "",
    ])
    func `an illegal message is a violation and is dropped`(message: String) {
        var stream = MediaStreamModel()
        stream.open()
        stream.receive(message, at: 10)
        let record = stream.snapshot()
        #expect(record.violations.map(\.code) == [31951])
        #expect(record.mediaReceived.isEmpty && record.marks.isEmpty && record.clears.isEmpty)
    }

    @Test func `a binary frame is a violation`() {
        var stream = MediaStreamModel()
        stream.receive(#"{"event":"clear","streamSid":"MZ1"}"#, at: 0, isText: false)
        #expect(stream.snapshot().violations.count == 1)
    }

    @Test func `marks are echoed in time, and at once after a clear`() {
        var stream = MediaStreamModel()
        stream.open()
        stream.receive(audio: loud(milliseconds: 40), at: 0)
        stream.receive(#"{"event":"mark","streamSid":"MZ1","mark":{"name":"first"}}"#, at: 0)
        stream.receive(audio: loud(milliseconds: 1000), at: 0)
        stream.receive(#"{"event":"mark","streamSid":"MZ1","mark":{"name":"second"}}"#, at: 0)
        _ = stream.takeMessages()
        stream.advance(to: .milliseconds(60))
        #expect(stream.takeMessages().map { $0["mark"]?["name"]?.string } == ["first"])
        stream.receive(#"{"event":"clear","streamSid":"MZ1"}"#, at: 100)
        #expect(stream.takeMessages().map { $0["mark"]?["name"]?.string } == ["second"])
        let record = stream.snapshot()
        #expect(record.marks.map(\.wasCleared) == [false, true])
        #expect(record.clears.map(\.discardedMilliseconds) == [940])
        #expect(record.clears.map(\.marks) == [1])
    }

    @Test func `the stream ends with stop`() {
        var stream = MediaStreamModel()
        stream.open()
        _ = stream.takeMessages()
        stream.stop(at: .milliseconds(10))
        #expect(stream.takeMessages().map { $0["event"]?.string } == ["stop"])
        stream.advance(to: .milliseconds(500))
        stream.receive(#"{"event":"mark","streamSid":"MZ1","mark":{"name":"m"}}"#, at: 500)
        stream.press("1")
        #expect(stream.takeMessages(withAudio: true).isEmpty)
    }

    @Test func `keys of the script are sent as DTMF`() {
        var stream = MediaStreamModel(
            script: PhoneScript(turns: [.init(.start(after: .milliseconds(100)), .keys("1#"))])
        )
        stream.open()
        _ = stream.takeMessages()
        stream.advance(to: .milliseconds(600))
        let keys = stream.takeMessages().filter { $0["event"]?.string == "dtmf" }
        #expect(keys.map { $0["dtmf"]?["digit"]?.string } == ["1", "#"])
        #expect(keys.allSatisfy { $0["dtmf"]?["track"]?.string == "inbound_track" })
    }
}
