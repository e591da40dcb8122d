import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

/// Requests that change a call's audio, between two sockets that record their messages. The agent sends µ-law.
struct TalkingMediaTests {
    private final class Line {
        let media: CallMedia
        let carrier = SpySink()
        let agent = SpySink()
        var playout = CarrierPlayout()
        var milliseconds = 0
        private var sequence = 1

        var now: MonotonicInstant { .at(milliseconds: milliseconds) }

        init(_ bargeIn: BargeIn = .model) throws {
            media = try CallMedia(
                plan: MediaPlan(
                    provider: .openai,
                    agentInput: .telephony,
                    agentOutput: .telephony,
                    bargeIn: bargeIn
                )
            )
            media.telephonyOpened(carrier)
            media.agentOpened(agent)
            carrierSays(
                #"{"event":"start","sequenceNumber":"1","streamSid":"MZ01","start":{"streamSid":"MZ01","accountSid":"AC01","callSid":"CA01","tracks":["inbound"],"customParameters":{},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
            )
            agentSays(#"{"type":"session.updated","session":{"audio":{"output":{"format":{"type":"audio/pcmu"}}}}}"#)
            media.agentIsReady(at: now)
            _ = media.takeEvents()
        }

        func carrierSays(_ text: String) {
            let bytes = Array(text.utf8)
            media.telephonyReceived(bytes.span.bytes, at: now)
            settle()
        }

        func agentSays(_ text: String) {
            let bytes = Array(text.utf8)
            media.agentReceived(bytes.span.bytes, at: now)
            settle()
        }

        func respond() { agentSays(#"{"type":"response.created","response":{"id":"r"}}"#) }

        func delta(_ byte: UInt8, milliseconds: Int, item: String) {
            let bytes = [UInt8](repeating: byte, count: milliseconds * 8)
            agentSays(
                #"{"type":"response.output_audio.delta","item_id":"\#(item)","content_index":0,"delta":"\#(bytes.base64)"}"#
            )
        }

        func done(_ item: String) { agentSays(#"{"type":"response.output_audio.done","item_id":"\#(item)"}"#) }

        func interrupt() {
            agentSays(#"{"type":"input_audio_buffer.speech_started","audio_start_ms":0,"item_id":"c"}"#)
        }

        func callerFrame(_ frame: [UInt8]) {
            sequence += 1
            carrierSays(
                #"{"event":"media","sequenceNumber":"\#(sequence)","streamSid":"MZ01","media":{"track":"inbound","chunk":"\#(sequence)","timestamp":"\#((sequence - 2) * 20)","payload":"\#(frame.base64)"}}"#
            )
        }

        /// Time passes on the line and in the call, in ticks of 20 ms.
        func pass(_ duration: Int) {
            for _ in 0..<duration / 20 {
                milliseconds += 20
                playout.advance(to: milliseconds * 1000)
                for mark in playout.takeEchoes() {
                    carrierSays(
                        #"{"event":"mark","sequenceNumber":"9","streamSid":"MZ01","mark":{"name":"\#(mark)"}}"#
                    )
                }
                media.tick(at: now)
                settle()
            }
        }

        func settle() {
            media.pump()
            for text in carrier.take() {
                if let message = CarrierMessage(text) { playout.receive(message, at: milliseconds * 1000) }
            }
        }

        func insert(_ id: Int, _ byte: UInt8, milliseconds: Int) {
            let bytes = [UInt8](repeating: byte, count: milliseconds * 8)
            media.insert(DownlinkInsertion(id: id, bytes: bytes))
            settle()
        }

        /// The heard milliseconds of each byte, in the order of the playback.
        var heard: [[Int]] {
            var runs: [(UInt8, Int)] = []
            for byte in playout.heard {
                if runs.last?.0 == byte { runs[runs.count - 1].1 += 1 } else { runs.append((byte, 1)) }
            }
            return runs.map { [Int($0.0), $0.1 / 8] }
        }

        func told(_ type: String) -> [JSONValue] {
            agent.take().compactMap { try? JSONValue(parsing: $0) }.filter { $0["type"]?.string == type }
        }
    }

    private func settled(_ id: Int, _ heard: Int, cut: Bool = false) -> PlaybackMilestones.Settled {
        .init(id: id, heardMilliseconds: heard, wasCut: cut)
    }

    // MARK: Clips

    @Test func `a clip plays after the agent's current words and before its next ones`() throws {
        let line = try Line()
        line.respond()
        line.delta(1, milliseconds: 300, item: "a")
        line.insert(2, 9, milliseconds: 100)
        line.delta(1, milliseconds: 200, item: "a")
        line.done("a")
        line.delta(2, milliseconds: 100, item: "b")
        line.done("b")
        #expect(line.media.takeSettled().isEmpty)
        line.pass(580)
        #expect(line.media.takeSettled().isEmpty)
        line.pass(220)
        #expect(line.heard == [[1, 500], [9, 100], [2, 100]])
        #expect(line.media.takeSettled() == [settled(2, 100)])
    }

    @Test func `an interrupted clip reports its heard length, and the model is not told of it`() throws {
        let line = try Line()
        line.insert(2, 9, milliseconds: 1000)
        line.insert(4, 8, milliseconds: 1000)
        line.pass(400)
        _ = line.agent.take()
        line.interrupt()
        #expect(line.media.takeSettled() == [settled(2, 380, cut: true), settled(4, 0, cut: true)])
        #expect(line.told("conversation.item.truncate").isEmpty)
        line.pass(1000)
        #expect(line.heard == [[9, 380]])
        // Not an interruption of the agent, because none of its audio was cut.
        #expect(!line.media.takeEvents().contains { if case .interrupted = $0 { true } else { false } })
    }

    @Test func `the end of the call cuts waiting audio, digits too`() throws {
        let line = try Line()
        line.insert(3, 9, milliseconds: 1000)
        line.respond()
        line.delta(1, milliseconds: 100, item: "a")
        line.insert(4, 8, milliseconds: 1000)
        line.pass(200)
        _ = line.media.stop(at: line.now)
        #expect(line.media.takeSettled() == [settled(3, 200, cut: true), settled(4, 0, cut: true)])
    }

    @Test func `a milestone is reached when all audio before it has been heard`() throws {
        let line = try Line()
        line.respond()
        line.delta(1, milliseconds: 500, item: "a")
        line.done("a")
        line.media.addMilestone(2)
        line.delta(2, milliseconds: 500, item: "b")
        line.pass(480)
        #expect(line.media.takeSettled().isEmpty)
        line.pass(120)
        #expect(line.media.takeSettled() == [settled(2, 0)])
    }

    // MARK: Digits

    @Test func `digits survive an interruption, and the agent's audio does not`() throws {
        let line = try Line()
        line.respond()
        line.delta(1, milliseconds: 2000, item: "a")
        line.done("a")
        line.insert(3, 7, milliseconds: 600)
        line.insert(4, 8, milliseconds: 500)
        line.delta(2, milliseconds: 2000, item: "b")
        line.pass(400)
        line.interrupt()
        line.pass(1500)
        #expect(line.heard == [[1, 400], [7, 600]])
        #expect(line.playout.clears == 1)
        #expect(line.media.takeSettled() == [settled(4, 0, cut: true), settled(3, 600)])
    }

    @Test func `digits that are playing are not cleared, and audio sent with them is heard and reported`() throws {
        let line = try Line()
        line.respond()
        line.delta(1, milliseconds: 300, item: "a")
        line.done("a")
        line.insert(3, 7, milliseconds: 200)
        line.delta(2, milliseconds: 2000, item: "b")
        // 200 ms are sent ahead: the digits are on the line, and some of the audio after them.
        line.pass(380)
        _ = line.agent.take()
        line.interrupt()
        let truncated = line.told("conversation.item.truncate")
        #expect(truncated.map { $0["item_id"]?.string } == ["b"])
        let told = truncated.first?["audio_end_ms"]?.int ?? -1
        line.pass(1500)
        #expect(line.playout.clears == 0)
        #expect(line.heard == [[1, 300], [7, 200], [2, told]])
        #expect(told > 0 && told <= 120)
        #expect(line.media.takeSettled() == [settled(3, 200)])
        // The next interruption clears again.
        line.respond()
        line.delta(3, milliseconds: 1000, item: "c")
        line.pass(200)
        line.interrupt()
        #expect(line.playout.clears == 1)
    }

    @Test func `a far end that reports the end of its playback too early is not filled twice`() throws {
        let line = try Line()
        line.respond()
        line.delta(1, milliseconds: 1000, item: "a")
        line.insert(3, 7, milliseconds: 1000)
        for mark in line.playout.takeEarlyEchoes() {
            line.carrierSays(#"{"event":"mark","sequenceNumber":"9","streamSid":"MZ01","mark":{"name":"\#(mark)"}}"#)
        }
        line.interrupt()
        line.pass(20)
        #expect(line.playout.clears == 0)
        #expect(line.playout.waitingMilliseconds <= 200)
        line.pass(2000)
        #expect(line.heard == [[1, 200], [7, 1000]])
    }

    @Test func `digits that wait for the agent's item go out when it is cut`() throws {
        let line = try Line()
        line.respond()
        line.delta(1, milliseconds: 1000, item: "a")
        line.insert(3, 7, milliseconds: 200)
        line.pass(100)
        line.interrupt()
        line.pass(500)
        #expect(line.heard == [[1, 100], [7, 200]])
        #expect(line.media.takeSettled() == [settled(3, 200)])
    }

    // MARK: Muting

    @Test func `a muted agent falls silent at once, and the model is told of the unheard part`() throws {
        let line = try Line()
        line.respond()
        line.delta(1, milliseconds: 2000, item: "a")
        line.pass(300)
        _ = line.agent.take()
        line.media.setMuted(.agent, true, at: line.now)
        line.settle()
        #expect(line.told("conversation.item.truncate").map { $0["audio_end_ms"]?.int } == [300])
        line.delta(1, milliseconds: 500, item: "a")
        line.done("a")
        line.delta(2, milliseconds: 500, item: "b")
        line.done("b")
        #expect(line.told("conversation.item.truncate").map { $0["item_id"]?.string } == ["b"])
        // Clips are played all the same.
        line.insert(2, 9, milliseconds: 100)
        line.pass(500)
        line.media.setMuted(.agent, false, at: line.now)
        line.delta(3, milliseconds: 100, item: "c")
        line.done("c")
        line.pass(500)
        #expect(line.heard == [[1, 300], [9, 100], [3, 100]])
    }

    @Test func `a muted caller is silence to the agent`() throws {
        let line = try Line()
        line.media.setMuted(.caller, true, at: line.now)
        line.callerFrame([UInt8](repeating: 0x10, count: 160))
        line.media.setMuted(.caller, false, at: line.now)
        line.callerFrame([UInt8](repeating: 0x11, count: 160))
        let sent = line.told("input_audio_buffer.append").map { [UInt8](base64: $0["audio"]?.string ?? "") }
        #expect(sent == [[UInt8](repeating: 0xFF, count: 160), [UInt8](repeating: 0x11, count: 160)])
    }

    // MARK: Local barge-in

    private let loud = (0..<160).map { UInt8($0 % 8 < 4 ? 0x10 : 0x90) }
    /// The echo of the agent's own voice on a bad line, about −44 dBFS.
    private let echo = (0..<160).map { UInt8($0 % 8 < 4 ? 0x6A : 0xEA) }

    private func hear(_ frame: [UInt8], milliseconds: Int, on line: Line) {
        for _ in 0..<milliseconds / 20 {
            line.callerFrame(frame)
            line.pass(20)
        }
    }

    @Test(arguments: [BargeIn.local, .both])
    func `our own detector cancels the answer and clears the line`(bargeIn: BargeIn) throws {
        let line = try Line(bargeIn)
        line.respond()
        line.delta(1, milliseconds: 3000, item: "a")
        hear(loud, milliseconds: 100, on: line)
        #expect(line.playout.clears == 0)
        _ = line.agent.take()
        hear(loud, milliseconds: 100, on: line)
        #expect(line.playout.clears == 1)
        let told = line.agent.take().compactMap { try? JSONValue(parsing: $0) }
            .filter { $0["type"]?.string != "input_audio_buffer.append" }
        #expect(told.map { $0["type"]?.string } == ["response.cancel", "conversation.item.truncate"])
        // Audio under way is dropped; the next answer is heard.
        line.delta(1, milliseconds: 500, item: "a")
        line.agentSays(#"{"type":"response.done","response":{"status":"cancelled"}}"#)
        line.pass(500)
        line.respond()
        line.delta(2, milliseconds: 100, item: "b")
        line.pass(300)
        #expect(line.heard.map { $0[0] } == [1, 2])
        #expect(abs(line.heard[0][1] - (told.last?["audio_end_ms"]?.int ?? 0)) <= 20)
    }

    @Test func `an echo, a cough and a muted caller do not interrupt`() throws {
        let line = try Line(.local)
        line.respond()
        line.delta(1, milliseconds: 5000, item: "a")
        hear(echo, milliseconds: 1000, on: line)
        hear(loud, milliseconds: 100, on: line)
        hear(echo, milliseconds: 300, on: line)
        line.media.setMuted(.caller, true, at: line.now)
        hear(loud, milliseconds: 600, on: line)
        #expect(line.playout.clears == 0)
        line.media.setMuted(.caller, false, at: line.now)
        // The model's report does not interrupt, either, if our own detector decides.
        line.interrupt()
        #expect(line.playout.clears == 0)
    }

    @Test func `an answer that is interrupted before its first audio is not heard`() throws {
        let line = try Line()
        line.respond()
        line.interrupt()
        line.delta(1, milliseconds: 200, item: "a")
        line.agentSays(#"{"type":"response.done","response":{"status":"cancelled"}}"#)
        line.respond()
        line.delta(2, milliseconds: 100, item: "b")
        line.pass(500)
        #expect(line.heard.map { $0[0] } == [2])
    }
}
