import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

@Suite struct CallRecordingTests {
    private static let start =
        #"{"event":"start","sequenceNumber":"1","streamSid":"MZ01","start":{"streamSid":"MZ01","accountSid":"AC01","callSid":"CA01","tracks":["inbound"],"customParameters":{},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
    /// A loud and a quiet code.
    private static let loud = [UInt8](repeating: 0x80, count: 160)
    private static let level = MuLaw.decode(0x80)

    private static func caller(at timestamp: Int, sequence: Int = 2) -> String {
        #"{"event":"media","sequenceNumber":"\#(sequence)","streamSid":"MZ01","media":{"track":"inbound","chunk":"1","timestamp":"\#(timestamp)","payload":"\#(TalkpathCrypto.base64(loud))"}}"#
    }

    private static func agent(_ bytes: [UInt8] = loud) -> String {
        #"{"event":"media","streamSid":"MZ01","media":{"payload":"\#(TalkpathCrypto.base64(bytes))"}}"#
    }

    private static let clear = #"{"event":"clear","streamSid":"MZ01"}"#

    /// Plays messages, with the stream's start at 100 ms; returns the positions of both sides' audio, in milliseconds
    /// of the stream.
    private static func record(
        _ messages: [(CaptureRecord.Kind, Int, String)],
        until end: Int
    ) -> (caller: [Int], agent: [Int], samples: Int) {
        var recording = CallRecording()
        func take(_ kind: CaptureRecord.Kind, _ milliseconds: Int, _ text: String) {
            let bytes = Array(text.utf8)
            recording.take(
                kind,
                at: MonotonicInstant(nanoseconds: Int64(milliseconds) * 1_000_000),
                content: bytes.span.bytes
            )
        }
        var samples: [Int16] = []
        take(.telephonyIn, 100, start)
        for (kind, milliseconds, text) in messages {
            take(kind, milliseconds, text)
            samples += recording.takeSettled()
        }
        take(.tick, end, "")
        samples += recording.takeSettled()
        samples += recording.finish()
        func heard(_ channel: Int) -> [Int] {
            stride(from: 0, to: samples.count / 2, by: 8).filter { samples[2 * $0 + channel] == level }.map { $0 / 8 }
        }
        return (heard(0), heard(1), samples.count / 2)
    }

    @Test func `the caller's audio is placed by its timestamp even if it is late`() {
        let heard = Self.record(
            [(.telephonyIn, 150, Self.caller(at: 40)), (.telephonyIn, 151, Self.caller(at: 0))],
            until: 500
        )
        #expect(heard.caller == Array(0..<20) + Array(40..<60))
    }

    @Test func `audio that is sent at once is played in order`() {
        let heard = Self.record(
            [
                (.telephonyOut, 200, Self.agent()), (.telephonyOut, 200, Self.agent()),
                (.telephonyOut, 300, Self.agent()),
            ],
            until: 1000
        )
        #expect(heard.agent == Array(100..<140) + Array(200..<220))
    }

    @Test func `audio that is cleared before its playback is left out`() {
        let heard = Self.record(
            [
                (.telephonyOut, 200, Self.agent()), (.telephonyOut, 200, Self.agent()),
                (.telephonyOut, 210, Self.clear),
                (.telephonyOut, 212, Self.agent()),
            ],
            until: 1000
        )
        #expect(heard.agent == Array(100..<110) + Array(112..<132))
    }

    @Test func `audio that had not been played at the end is left out`() {
        let heard = Self.record([(.telephonyOut, 200, Self.agent()), (.telephonyOut, 200, Self.agent())], until: 225)
        #expect(heard.agent == Array(100..<125))
    }

    @Test func `a frame that is too short to be audio is recorded, too`() {
        let heard = Self.record([(.telephonyOut, 200, Self.agent([0x80, 0x80, 0x80]))], until: 400)
        #expect(heard.agent == [100])
    }

    @Test func `a timestamp far ahead does not add hours of silence`() {
        let heard = Self.record([(.telephonyIn, 150, Self.caller(at: 3_600_000))], until: 400)
        #expect(heard.caller == Array(50..<70))
        #expect(heard.samples < 8000)
    }

    @Test func `a stream whose timestamps begin anew is recorded on`() {
        let numbers = (1...50).map { $0 * 20 } + [7_200_000] + (1...50).map { $0 * 20 }
        let messages = numbers.enumerated().map { index, timestamp in
            (CaptureRecord.Kind.telephonyIn, 120 + 20 * index, Self.caller(at: timestamp, sequence: index % 51 + 2))
        }
        let heard = Self.record(messages, until: 2200)
        #expect(heard.caller.count >= 2020 - StreamClock.patience * 20 - 20)
    }

    @Test func `a long call is settled piece by piece`() {
        let messages = (0..<500).map { (CaptureRecord.Kind.telephonyIn, 100 + 20 * $0, Self.caller(at: 20 * $0)) }
        let heard = Self.record(messages, until: 10_100)
        #expect(heard.caller == Array(0..<10_000))
        #expect(heard.samples == 80_000)
    }
}
