import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

@Suite struct CaptureFormatTests {
    private static let audio = TalkpathCrypto.base64((0..<160).map { UInt8(truncatingIfNeeded: $0 * 7) })
    private static let media = #"{"event":"media","media":{"payload":"\#(audio)"},"z":1}"#

    /// Every kind of record, and every kind of number.
    private static func file(isSlim: Bool = false) -> [UInt8] {
        var bench = CaptureBench(isSlim: isSlim)
        bench.tap.note(.placed(carrierCallID: "CA01"), at: CaptureBench.at(1))
        bench.tap.telephony(#"{"event":"start"}"#, at: 20.000_001)
        bench.tap.ticked(at: CaptureBench.at(40))
        bench.write()
        bench.tap.pumping()
        bench.tap.toAgent(media)
        // The clocks of two threads: a little earlier than the record before.
        bench.tap.telephony(media, at: 39.5)
        bench.tap.agent("\u{7}not JSON \"\(String(repeating: "/", count: 70))\"", at: 4_000_000)
        bench.tap.note(.hangUpFailed(CarrierError(.unavailable, "busy")), at: CaptureBench.at(4_000_001))
        bench.tap.finish()
        bench.write()
        return bench.file
    }

    @Test func `the records of a tap are read back from the file`() throws {
        let capture = try Capture(reading: Self.file())
        #expect(capture.ending == .whole)
        #expect(
            capture.records.map(\.kind) == [
                .event, .telephonyIn, .tick, .pump, .agentOut, .telephonyIn, .agentIn, .event, .finished,
            ]
        )
        #expect(capture.records[0].event == .placed(carrierCallID: "CA01"))
        #expect(capture.records[1].at == .nanoseconds(20_000_001))
        #expect(capture.records[4].at == .milliseconds(40))
        #expect(capture.records[4].message?.bytes == Array(Self.media.utf8))
        #expect(capture.records[4].message?.audioByteCount == 160)
        #expect(capture.records[5].at == .microseconds(39_500))
        #expect(
            capture.records[6].message?.bytes == Array("\u{7}not JSON \"\(String(repeating: "/", count: 70))\"".utf8)
        )
        #expect(capture.records[7].event == .hangUpFailed(CarrierError(.unavailable, "busy")))
    }

    /// The last character before the padding has unused bits. Written again, it would be another character.
    @Test(arguments: [64, 68, 72, 76, 96])
    func `Base64 with unused bits is kept as it is`(length: Int) {
        for (end, isAudio) in [("AA==", true), ("AB==", false), ("AAA=", true), ("AAB=", false), ("AAAB", true)] {
            let text = #"{"audio":""# + String(repeating: "A", count: length - 4) + end + #""}"#
            let bytes = Array(text.utf8)
            let message = CaptureMessage(bytes.span.bytes)
            #expect(message.bytes == bytes)
            #expect((message.audioByteCount > 0) == isAudio, "\(end)")
        }
    }

    @Test func `the facts of a call are read back without its key`() throws {
        let capture = try Capture(reading: Self.file())
        var expected = CaptureMetadata.test()
        expected.agent.apiKey = ""
        expected.startedOn = MonotonicInstant(nanoseconds: 0)
        #expect(capture.facts == expected)
    }

    @Test func `a capture that was read is written unchanged`() throws {
        let file = Self.file()
        #expect(try Capture(reading: file).encoded() == file)
    }

    @Test func `a slim capture keeps a digest of the audio that the model was sent`() throws {
        let record = try Capture(reading: Self.file(isSlim: true)).records[4]
        let whole = CaptureMessage(Array(Self.media.utf8).span.bytes)
        #expect(record.message?.bytes == nil)
        #expect(record.message == whole.digested)
        #expect(try Capture(reading: Self.file(isSlim: true)).records[5].message == whole)
    }

    @Test func `a file that was cut is read up to the cut`() throws {
        let file = Self.file()
        let whole = try Capture(reading: file)
        var longest = 0
        for length in 0..<file.count {
            do {
                let capture = try Capture(reading: Array(file.prefix(length)))
                #expect(capture.ending == .cut)
                #expect(capture.records == Array(whole.records.prefix(capture.records.count)))
                #expect(capture.records.count >= longest)
                longest = capture.records.count
            } catch {
                #expect(error == (length == 0 ? .empty : .cutBeforeCall))
                #expect(longest == 0)
            }
        }
        #expect(longest == whole.records.count - 1)
    }

    @Test func `a damaged file is read up to the damage`() throws {
        let file = Self.file()
        let whole = try Capture(reading: file)
        // Behind the facts, because damage to the facts loses everything.
        let facts = whole.facts
        let head = Capture(facts: facts, records: [], ending: .cut).encoded().count
        for offset in head..<file.count {
            var damaged = file
            damaged[offset] ^= 0x10
            let capture = try Capture(reading: damaged)
            #expect(capture.ending != .whole)
            #expect(capture.records == Array(whole.records.prefix(capture.records.count)))
        }
    }

    @Test func `files that are not captures get different errors`() {
        func error(_ file: [UInt8]) -> CaptureError? {
            do throws(CaptureError) {
                _ = try Capture(reading: file)
                return nil
            } catch {
                return error
            }
        }
        #expect(error([]) == .empty)
        #expect(error(Array("RIFF and so on, and more of it".utf8)) == .foreign)
        #expect(error(CaptureFormat.magic + [2]) == .newer(version: 2))
        #expect(error(CaptureFormat.magic) == .cutBeforeCall)
        // Sent as text, so that the line ends have changed.
        #expect(error(Self.file().filter { $0 != 0x0D }) == .foreign)
    }

    @Test func `a full ring leaves a record of the gap`() throws {
        var bench = CaptureBench(capacity: 1024)
        for number in 0..<10 { bench.tap.telephony(Self.media, at: Double(number)) }
        bench.write()
        bench.tap.telephony(Self.media, at: 100)
        bench.tap.finish()
        bench.write()
        let records = try Capture(reading: bench.file).records
        let kept = records.filter { $0.kind == .telephonyIn }.count
        #expect(bench.tap.droppedRecords == 11 - kept)
        #expect(records.dropFirst(kept - 1).map(\.kind) == [.gap, .telephonyIn, .finished])
        let missing = bench.tap.droppedRecords
        #expect(records[kept - 1].content == .gap(records: missing, bytes: missing * Self.media.utf8.count))
    }

    /// In a ring whose end lies within a record.
    @Test func `records that wrap around the ring's end are read whole`() throws {
        var bench = CaptureBench(capacity: 4096)
        bench.tap.telephony(#"{"a":"\#(String(repeating: "x", count: 1500))"}"#, at: 1)
        bench.write()
        for number in 2..<12 { bench.tap.telephony(Self.media, at: Double(number)) }
        bench.write()
        #expect(bench.tap.droppedRecords == 0)
        let messages = try Capture(reading: bench.file).records.dropFirst().map { $0.message?.bytes }
        #expect(messages == Array(repeating: Array(Self.media.utf8), count: 10))
    }

    /// The bench writes each message with the short and the long method, and compares.
    @Test func `both methods of writing a message agree for every content`() throws {
        var generator = SystemRandomNumberGenerator()
        let secret = "+15551230001"
        let token = TalkpathCrypto.base64((0..<72).map { UInt8($0) })
        let handle = String(repeating: "aGFuZGxl", count: 10)
        let pieces = [
            "\"", "{", "}", ",", ":", "\"start\":", #""newHandle":"#, #""handle":"#, secret, String(secret.dropFirst()),
            token, handle, "\"\(token)\"", "\"\(handle)\"", "\"\(Self.audio)\"", "\"\(Self.audio)=\"",
            "\"-_\(Self.audio)\"",
            #"{"sessionResumptionUpdate":{"newHandle":"\#(handle)"}}"#, "sk-short", "é\\u0022",
        ]
        for isSlim in [false, true] {
            var bench = CaptureBench(.test(secrets: [secret, token, "sk-short"]), isSlim: isSlim)
            for number in 0..<1500 {
                let count = Int.random(in: 0...7, using: &generator)
                let text = (0..<count).map { _ in pieces.randomElement(using: &generator)! }.joined()
                switch number % 4 {
                case 0: bench.tap.telephony(text, at: Double(number))
                case 1: bench.tap.agent(text, at: Double(number))
                case 2: bench.tap.toAgent(text)
                default: bench.tap.ticked(at: CaptureBench.at(Double(number)))
                }
                if number % 50 == 0 { bench.write() }
            }
            bench.write()
            let file = String(decoding: bench.file, as: UTF8.self)
            #expect(!file.contains(secret.dropFirst()) && !file.contains(token) && !file.contains("sk-short"))
            #expect(try Capture(reading: bench.file).records.count == 1500)
        }
    }

    @Test func `a full ring still accepts the end`() throws {
        var bench = CaptureBench(capacity: 1024)
        for number in 0..<10 { bench.tap.telephony(Self.media, at: Double(number)) }
        bench.tap.finish()
        bench.write()
        #expect(try Capture(reading: bench.file).records.suffix(2).map(\.kind) == [.gap, .finished])
    }

    @Test(arguments: [
        CaptureEvent.placingFailed(CarrierError(.refused, "no", retryAfter: .milliseconds(1500))),
        .progressed(.over(.noAnswer), carrierCallID: "CA01"), .hangUpAnswered(.alreadyGone), .mediaClosed(line: 1),
        .mediaLegClosed(line: 1), .agentOpened(socket: 3),
        .agentConnectFailed(socket: 1, AgentConnectError("x", isFinal: true)),
        .agentClosed(socket: 1, reason: "gone"), .agentLegClosed(socket: 1),
        .agentUnwanted(socket: 2), .toolAnswered(id: "f", output: "{}"),
        .recordSaved(isSuccess: false), .recordUpdated(isSuccess: true), .givenUp,
        .endRequested(EndRequest(.endedByAPI, mode: .drain(timeout: .milliseconds(2500)), note: "please")),
        .redirectDone, .machineDetected(.machineEnd), .redirectFailed(CarrierError(.refused, "no")), .muted(.agent),
        .unmuted(.caller),
        .messageSent("hm", as: .system, isAnswered: true), .sayRequested("hello"), .clipRequested([0, 255, 7, 9]),
        .digitsRequested("12#"), .collectionRequested(DigitRequest(maximum: 4, terminator: nil)),
        .transferRequested(mode: .drain(timeout: .seconds(1)), ringTimeout: .seconds(9), onFailure: .returnToAgent),
        .transferRequested(mode: .now, ringTimeout: .seconds(9), onFailure: .sayGoodbye("Bye.", language: "en")),
        .transferRequested(mode: .now, ringTimeout: .seconds(9), onFailure: .hangUp),
        .transferTold(.answered, transfer: 1), .transferTold(.legEnded(.busy), transfer: 2),
        .transferTold(.ended(.noAnswer, callIsOver: true), transfer: 3), .mediaClosed(line: 2),
        .mediaLegClosed(line: 2),
        .published("interrupted", detail: "740"),
    ])
    func `events are read back unchanged`(_ event: CaptureEvent) {
        #expect(CaptureEvent(json: event.json) == event)
    }
}
