import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

/// A call's media plane between two sockets that record their messages.
private final class Bridge {
    let media: CallMedia
    let carrier = SpySink()
    let agent = SpySink()
    var now = MonotonicInstant.at(milliseconds: 0)
    private var sequence = 1

    init(_ provider: AgentProvider, _ format: AudioFormat? = nil) throws {
        let up = format ?? (provider == .openai ? .pcm24k : .pcm16k)
        media = try CallMedia(
            plan: MediaPlan(provider: provider, agentInput: up, agentOutput: format ?? .pcm24k)
        )
        media.telephonyOpened(carrier)
        media.agentOpened(agent)
    }

    func carrierSays(_ text: String) {
        let bytes = Array(text.utf8)
        media.telephonyReceived(bytes.span.bytes, at: now)
        media.pump()
    }

    func agentSays(_ text: String) {
        let bytes = Array(text.utf8)
        media.agentReceived(bytes.span.bytes, at: now)
        media.pump()
    }

    func start() {
        carrierSays(#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#)
        carrierSays(
            #"{"event":"start","sequenceNumber":"1","streamSid":"MZ01","start":{"streamSid":"MZ01","accountSid":"AC01","callSid":"CA01","tracks":["inbound"],"customParameters":{"call_id":"c-1"},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
        )
    }

    func callerFrame(_ bytes: [UInt8] = [UInt8](repeating: 0xFF, count: 160)) {
        sequence += 1
        carrierSays(
            #"{"event":"media","sequenceNumber":"\#(sequence)","streamSid":"MZ01","media":{"track":"inbound","chunk":"\#(sequence)","timestamp":"\#((sequence - 2) * 20)","payload":"\#(bytes.base64)"}}"#
        )
    }

    func echo(_ mark: String) {
        carrierSays(
            #"{"event":"mark","sequenceNumber":"90","streamSid":"MZ01","mark":{"name":"\#(mark)"}}"#
        )
    }

    func pass(_ milliseconds: Int) {
        for _ in 0..<milliseconds / 20 {
            now = now + .milliseconds(20)
            media.tick(at: now)
            media.pump()
        }
    }

    func delta(_ bytes: [UInt8], item: String) {
        agentSays(
            #"{"type":"response.output_audio.delta","event_id":"e","response_id":"r","item_id":"\#(item)","output_index":0,"content_index":0,"delta":"\#(bytes.base64)"}"#
        )
    }

    func turn(_ bytes: [UInt8]) {
        agentSays(
            #"{"serverContent":{"modelTurn":{"role":"model","parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"\#(bytes.base64)"}}]}}}"#
        )
    }

    func takeCarrier() -> [CarrierMessage] { carrier.take().compactMap { CarrierMessage($0) } }

    func takeEvents() -> [AgentEvent] {
        media.takeEvents().compactMap { if case .agent(let event) = $0 { event } else { nil } }
    }
}

struct CallMediaTests {
    @Test func `OpenAI: caller audio waits for the session and then flows`() throws {
        let bridge = try Bridge(.openai)
        bridge.start()
        #expect(bridge.media.takeEvents().count == 1)
        for _ in 0..<10 { bridge.callerFrame() }
        bridge.agentSays(#"{"type":"session.created","event_id":"e","session":{"type":"realtime"}}"#)
        #expect(bridge.takeEvents() == [.awaitingConfiguration])
        #expect(bridge.agent.messages.isEmpty)
        bridge.agentSays(#"{"type":"session.updated","event_id":"e","session":{"type":"realtime"}}"#)
        #expect(bridge.takeEvents() == [.ready])
        bridge.media.agentIsReady(at: bridge.now)
        bridge.media.pump()
        // The kept 200 ms, in messages of 100 ms.
        let kept = bridge.agent.take()
        #expect(kept.allSatisfy { $0.hasPrefix(#"{"type":"input_audio_buffer.append","audio":""#) })
        #expect(try kept.map { try audio($0, "audio").count }.reduce(0, +) == 200 * 48)
        bridge.callerFrame()
        #expect(try bridge.agent.take().map { try audio($0, "audio").count } == [960])
    }

    @Test func `OpenAI with µ-law: the caller's bytes pass unchanged in both directions`() throws {
        let bridge = try Bridge(.openai, .telephony)
        bridge.start()
        bridge.media.agentIsReady(at: bridge.now)
        let said = [UInt8].counting(160)
        bridge.callerFrame(said)
        #expect(try bridge.agent.take().map { try audio($0, "audio") } == [said])
        bridge.agentSays(
            #"{"type":"session.updated","session":{"audio":{"output":{"format":{"type":"audio/pcmu"}}}}}"#
        )
        bridge.agentSays(#"{"type":"response.created","response":{}}"#)
        bridge.delta(.counting(800), item: "item_a")
        bridge.agentSays(#"{"type":"response.output_audio.done","item_id":"item_a"}"#)
        #expect(bridge.takeCarrier().flatMap { $0.audio ?? [] } == .counting(800))
    }

    @Test func `OpenAI: the caller interrupts, the carrier is cleared and the model gets the heard length`() throws {
        let bridge = try Bridge(.openai)
        bridge.start()
        bridge.agentSays(#"{"type":"response.created","event_id":"e","response":{"id":"r"}}"#)
        bridge.delta([UInt8](repeating: 0, count: 48 * 1000), item: "item_a")
        bridge.agentSays(#"{"type":"response.output_audio.done","item_id":"item_a"}"#)
        bridge.delta([UInt8](repeating: 0, count: 48 * 1000), item: "item_b")
        bridge.pass(400)
        _ = bridge.takeCarrier()
        bridge.agentSays(
            #"{"type":"input_audio_buffer.speech_started","event_id":"e","audio_start_ms":900,"item_id":"item_c"}"#
        )
        #expect(bridge.takeCarrier() == [.clear])
        let told = try bridge.agent.take().map { try JSONValue(parsing: $0) }
        #expect(told.map { $0["type"]?.string } == ["conversation.item.truncate", "conversation.item.delete"])
        #expect(told.first?["item_id"]?.string == "item_a")
        #expect(told.first?["audio_end_ms"]?.int == 400)
        #expect(told.last?["item_id"]?.string == "item_b")
        let interruption = bridge.media.takeEvents().compactMap { event -> PlaybackInterruption? in
            if case .interrupted(let interruption) = event { interruption } else { nil }
        }
        #expect(interruption.first?.heard.first?.milliseconds == 400)
        // Late audio is not played; the next answer is.
        bridge.delta([UInt8](repeating: 0, count: 4800), item: "item_b")
        bridge.agentSays(
            #"{"type":"response.done","response":{"status":"cancelled","status_details":{"type":"cancelled","reason":"turn_detected"}}}"#
        )
        bridge.pass(200)
        #expect(bridge.takeCarrier().isEmpty)
        bridge.agentSays(#"{"type":"response.created","response":{}}"#)
        bridge.delta([UInt8](repeating: 0, count: 4800), item: "item_d")
        #expect(!bridge.takeCarrier().isEmpty)
    }

    @Test func `an interruption after the estimated end clears audio that the carrier has not confirmed`() throws {
        let bridge = try Bridge(.openai, .telephony)
        bridge.start()
        bridge.agentSays(#"{"type":"session.updated","session":{"audio":{"output":{"format":{"type":"audio/pcmu"}}}}}"#)
        bridge.agentSays(#"{"type":"response.created","response":{}}"#)
        bridge.delta(.counting(800), item: "item_a")
        bridge.agentSays(#"{"type":"response.output_audio.done","item_id":"item_a"}"#)
        bridge.pass(200)
        let marks = bridge.takeCarrier().compactMap(\.mark)
        bridge.agentSays(#"{"type":"input_audio_buffer.speech_started","audio_start_ms":9,"item_id":"x"}"#)
        #expect(bridge.takeCarrier() == [.clear])
        #expect(bridge.media.downlink.counters.interruptions == 0)
        for mark in marks { bridge.echo(mark) }
        bridge.agentSays(#"{"type":"input_audio_buffer.speech_started","audio_start_ms":99,"item_id":"y"}"#)
        #expect(bridge.takeCarrier().isEmpty)
    }

    @Test func `Gemini: caller audio is 16 kHz, an interruption clears, and the next turn is heard`() throws {
        let bridge = try Bridge(.gemini)
        bridge.start()
        bridge.agentSays(#"{"setupComplete":{}}"#)
        #expect(bridge.takeEvents() == [.ready])
        bridge.media.agentIsReady(at: bridge.now)
        bridge.callerFrame()
        let up = bridge.agent.take()
        #expect(up.count == 1)
        let message = try JSONValue(parsing: up[0])
        #expect(message["realtimeInput"]?["audio"]?["mimeType"]?.string == "audio/pcm;rate=16000")
        #expect([UInt8](base64: message["realtimeInput"]?["audio"]?["data"]?.string ?? "").count == 640)

        bridge.turn([UInt8](repeating: 0, count: 48_000))
        bridge.turn([UInt8](repeating: 0, count: 48_000))
        bridge.pass(300)
        #expect(bridge.takeCarrier().compactMap(\.audio?.count).reduce(0, +) == 500 * 8)
        bridge.agentSays(#"{"serverContent":{"interrupted":true}}"#)
        #expect(bridge.takeCarrier() == [.clear])
        #expect(bridge.agent.take().isEmpty)
        bridge.turn([UInt8](repeating: 0, count: 4800))
        #expect(bridge.takeCarrier().isEmpty)
        bridge.agentSays(#"{"serverContent":{"turnComplete":true}}"#)
        bridge.turn([UInt8](repeating: 0, count: 9600))
        #expect(!bridge.takeCarrier().isEmpty)
    }

    @Test func `agent audio before the stream has started waits for it`() throws {
        let bridge = try Bridge(.openai)
        bridge.agentSays(#"{"type":"response.created","response":{}}"#)
        bridge.delta([UInt8](repeating: 0, count: 4800), item: "item_a")
        bridge.pass(500)
        #expect(bridge.carrier.messages.isEmpty)
        bridge.start()
        #expect(bridge.takeCarrier().compactMap(\.audio?.count).reduce(0, +) > 700)
    }

    @Test func `an item that comes after the caller has spoken over its response counts as unheard`() throws {
        let bridge = try Bridge(.openai)
        bridge.start()
        bridge.media.agentIsReady(at: bridge.now)
        bridge.agentSays(#"{"type":"response.created","response":{}}"#)
        bridge.agentSays(#"{"type":"input_audio_buffer.speech_started","audio_start_ms":1,"item_id":"u"}"#)
        _ = bridge.agent.take()
        _ = bridge.media.takeEvents()
        bridge.delta([UInt8](repeating: 9, count: 4800), item: "late")
        bridge.delta([UInt8](repeating: 9, count: 4800), item: "late")
        bridge.agentSays(#"{"type":"response.output_audio.done","item_id":"late"}"#)
        bridge.agentSays(#"{"type":"response.done","response":{"status":"cancelled"}}"#)
        #expect(bridge.takeCarrier().compactMap(\.audio).isEmpty)
        let told = bridge.agent.take().filter { $0.contains("conversation.item.truncate") }
        #expect(told.count == 1 && told[0].contains(#""late""#) && told[0].contains(#""audio_end_ms":0"#))
        let cuts = bridge.media.takeEvents().compactMap { event -> [Int]? in
            if case .silenced(let interruption) = event { interruption.heard.map(\.milliseconds) } else { nil }
        }
        #expect(cuts == [[0]])
        bridge.agentSays(#"{"type":"response.created","response":{}}"#)
        bridge.delta([UInt8](repeating: 9, count: 4800), item: "next")
        #expect(!bridge.takeCarrier().compactMap(\.audio).isEmpty)
    }

    @Test(arguments: [LastWords.said, .beingSaid])
    func `the model writes down the caller's last words after the stop`(words: LastWords) throws {
        let bridge = try Bridge(.openai)
        bridge.start()
        bridge.media.agentIsReady(at: bridge.now)
        bridge.agentSays(#"{"type":"input_audio_buffer.speech_started","audio_start_ms":1,"item_id":"u"}"#)
        _ = bridge.media.takeEvents()
        _ = bridge.media.stop(awaiting: words, at: bridge.now)
        bridge.media.pump()
        let commits = bridge.agent.take().filter { $0.contains("input_audio_buffer.commit") }
        #expect(commits.count == (words == .beingSaid ? 1 : 0))
        func transcript(_ text: String) -> String {
            #"{"type":"conversation.item.input_audio_transcription.completed","item_id":"u","transcript":"\#(text)"}"#
        }
        #expect(bridge.media.awaitsLastWords)
        bridge.agentSays(#"{"type":"response.created","response":{}}"#)
        bridge.agentSays(transcript("Bye."))
        #expect(!bridge.media.awaitsLastWords)
        bridge.agentSays(transcript("More."))
        let heard = bridge.takeEvents().map { event in
            if case .callerTranscript(let piece) = event { piece.text } else { "\(event)" }
        }
        #expect(heard == ["Bye."])
    }

    @Test func `after the stop no audio moves, and only the carrier's goodbye is played`() throws {
        let bridge = try Bridge(.openai)
        bridge.start()
        bridge.media.agentIsReady(at: bridge.now)
        bridge.agentSays(#"{"type":"response.created","response":{}}"#)
        bridge.delta([UInt8](repeating: 0, count: 48_000), item: "item_a")
        bridge.pass(100)
        _ = bridge.takeCarrier()
        _ = bridge.media.takeEvents()
        let cut = bridge.media.stop(at: bridge.now)
        #expect(cut?.heard.first?.milliseconds == 100)
        #expect(bridge.media.stop(at: bridge.now) == nil)
        bridge.media.pump()
        #expect(bridge.takeCarrier() == [.clear])
        bridge.callerFrame()
        bridge.delta([UInt8](repeating: 0, count: 4800), item: "item_a")
        bridge.media.command(.say("x"))
        bridge.media.agentIsReady(at: bridge.now)
        bridge.pass(500)
        #expect(bridge.carrier.messages.isEmpty && bridge.agent.messages.isEmpty)
        #expect(bridge.media.downlink.counters.interruptions == 0)
        bridge.carrierSays(
            #"{"event":"stop","sequenceNumber":"5","streamSid":"MZ01","stop":{"accountSid":"AC01","callSid":"CA01"}}"#
        )
        #expect(bridge.media.takeEvents() == [.streamStopped])
        #expect(bridge.media.counters.messagesAfterStop == 2)
    }

    @Test func `a new agent's items are not mistaken for the former agent's`() throws {
        let bridge = try Bridge(.openai)
        bridge.start()
        bridge.media.agentIsReady(at: bridge.now)
        bridge.agentSays(#"{"type":"response.created","response":{}}"#)
        bridge.delta([UInt8](repeating: 0, count: 48_000), item: "item_a")
        bridge.pass(100)
        bridge.agentSays(#"{"type":"input_audio_buffer.speech_started","audio_start_ms":1,"item_id":"x"}"#)
        let generation = bridge.media.agentGeneration
        bridge.media.agentLost()
        bridge.callerFrame()
        let second = SpySink()
        bridge.media.agentOpened(second)
        #expect(bridge.media.agentGeneration != generation)
        _ = bridge.takeCarrier()
        bridge.agentSays(#"{"type":"response.created","response":{}}"#)
        bridge.delta([UInt8](repeating: 0, count: 4800), item: "item_z")
        #expect(!bridge.takeCarrier().isEmpty)
        // The caller's audio was kept for the new agent.
        bridge.media.agentIsReady(at: bridge.now)
        bridge.media.pump()
        #expect(second.messages.contains { $0.contains("input_audio_buffer.append") })
    }

    @Test(arguments: ["", "{", "[]", #"{"event":"media"}"#, #"{"event":7}"#, "\u{0}", #"{"event":"start"}"#])
    func `malformed messages of either socket are counted and change no state`(text: String) throws {
        let bridge = try Bridge(.openai)
        bridge.start()
        bridge.carrierSays(text)
        bridge.agentSays(text)
        #expect(bridge.media.counters.badTelephonyMessages == 1)
        #expect(bridge.media.counters.badAgentMessages == 1)
        bridge.media.agentIsReady(at: bridge.now)
        bridge.callerFrame()
        #expect(bridge.agent.messages.count == 1)
    }

    @Test func `keys, unknown events, foreign streams and foreign marks do no harm`() throws {
        let bridge = try Bridge(.openai)
        bridge.start()
        _ = bridge.media.takeEvents()
        bridge.carrierSays(
            ##"{"event":"dtmf","sequenceNumber":"8","streamSid":"MZ01","dtmf":{"track":"inbound_track","digit":"#"}}"##
        )
        #expect(bridge.media.takeEvents() == [.dtmf(digit: UInt8(ascii: "#"))])
        bridge.carrierSays(#"{"event":"novelty","streamSid":"MZ01"}"#)
        bridge.echo("not ours")
        for number in 0..<1000 { bridge.echo("tp-0-\(number)") }
        bridge.carrierSays(#"{"event":"stop","sequenceNumber":"9","streamSid":"MZ99","stop":{}}"#)
        #expect(bridge.media.takeEvents().isEmpty)
        #expect(bridge.media.counters.ignoredTelephonyMessages == 1)
    }

    private func audio(_ message: String, _ key: String) throws -> [UInt8] {
        [UInt8](base64: try JSONValue(parsing: message)[key]?.string ?? "")
    }
}

struct RingLegTests {
    private func makeLeg(_ format: AudioFormat) throws -> (CallMedia, RingBox) {
        let up = ByteRing(minimumCapacity: 10_000 * format.bytesPerMillisecond)
        let down = ByteRing(minimumCapacity: 400 * format.bytesPerMillisecond)
        let media = try CallMedia(
            plan: MediaPlan(provider: .openai, agentInput: .pcm24k, agentOutput: .pcm24k),
            format: format,
            callerAudio: up.consumer,
            agentAudio: down.producer
        )
        return (media, RingBox(RingLeg(callerAudio: up.producer, agentAudio: down.consumer)))
    }

    /// Uses a leg as an audio thread would.
    private final class RingBox {
        var leg: RingLeg

        init(_ leg: consuming RingLeg) {
            self.leg = leg
        }

        func read(_ count: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            let got = bytes.withUnsafeMutableBytes { leg.agentAudio.read(into: $0) }
            return Array(bytes.prefix(got))
        }

        func write(_ bytes: [UInt8]) -> Int {
            bytes.withUnsafeBytes { leg.callerAudio.write($0) }
        }
    }

    private func say(_ text: String, to media: CallMedia, at milliseconds: Int) {
        let bytes = Array(text.utf8)
        media.agentReceived(bytes.span.bytes, at: .at(milliseconds: milliseconds))
    }

    private func speak(_ milliseconds: Int, item: String, to media: CallMedia, at: Int = 0) {
        say(#"{"type":"response.created","response":{}}"#, to: media, at: at)
        let delta = [UInt8](repeating: 0, count: 48 * milliseconds).base64
        say(
            #"{"type":"response.output_audio.delta","response_id":"r","item_id":"\#(item)","output_index":0,"content_index":0,"delta":"\#(delta)"}"#,
            to: media,
            at: at
        )
    }

    @Test func `audio that is written reaches the agent at the next tick`() throws {
        let (media, ring) = try makeLeg(.pcm24k)
        let agent = SpySink()
        media.agentOpened(agent)
        media.agentIsReady(at: .at(milliseconds: 0))
        let said = [UInt8].counting(960)
        #expect(ring.write(said) == 960)
        media.tick(at: .at(milliseconds: 20))
        media.pump()
        let heard = try agent.take().map { try JSONValue(parsing: $0)["audio"]?.string ?? "" }
        #expect(heard.flatMap { [UInt8](base64: $0) } == said)
    }

    @Test func `the reader sets the pace: 200 ms wait for it, however late it reads`() throws {
        let (media, ring) = try makeLeg(.pcm24k)
        media.agentOpened(SpySink())
        speak(2000, item: "item_a", to: media)
        for tick in 1...100 { media.tick(at: .at(milliseconds: tick * 20)) }
        #expect(!media.isPlayedOut(at: .at(milliseconds: 2000)))
        #expect(ring.read(1 << 20).count == 200 * 48)
        var total = 200 * 48
        for tick in 101...300 {
            media.tick(at: .at(milliseconds: tick * 20))
            total += ring.read(960).count
        }
        #expect(total >= 2000 * 48)
        #expect(media.isPlayedOut(at: .at(milliseconds: 6000)))
    }

    @Test func `an interruption empties the ring and reports the part of the item that was read`() throws {
        let (media, ring) = try makeLeg(.pcm24k)
        let agent = SpySink()
        media.agentOpened(agent)
        speak(2000, item: "item_a", to: media)
        media.tick(at: .at(milliseconds: 20))
        #expect(ring.read(50 * 48).count == 50 * 48)
        // The clock differs, but the reader's position counts.
        say(
            #"{"type":"input_audio_buffer.speech_started","audio_start_ms":1,"item_id":"x"}"#,
            to: media,
            at: 5000
        )
        media.pump()
        let told = try JSONValue(parsing: agent.take()[0])
        #expect(told["type"]?.string == "conversation.item.truncate")
        #expect(told["audio_end_ms"]?.int == 50)
        #expect(ring.read(1 << 20).isEmpty)
        speak(100, item: "item_b", to: media, at: 5100)
        media.tick(at: .at(milliseconds: 5120))
        #expect(!ring.read(1 << 20).isEmpty)
    }

    @Test func `after the end the leg accepts and returns no audio`() throws {
        let (media, ring) = try makeLeg(.pcm24k)
        let agent = SpySink()
        media.agentOpened(agent)
        media.agentIsReady(at: .at(milliseconds: 0))
        speak(1000, item: "item_a", to: media)
        _ = media.stop(at: .at(milliseconds: 0))
        #expect(ring.read(1 << 20).isEmpty)
        _ = ring.write([UInt8](repeating: 1, count: 960))
        media.tick(at: .at(milliseconds: 20))
        media.pump()
        #expect(agent.messages.isEmpty)
    }
}

/// The measurements of a call.
struct CallMediaMeasuringTests {
    private static let loud = [UInt8]((0..<160).map { MuLaw.encode($0 % 16 < 8 ? 6000 : -6000) })

    private func readyBridge() throws -> Bridge {
        let bridge = try Bridge(.openai)
        bridge.start()
        bridge.media.agentIsReady(at: bridge.now)
        return bridge
    }

    private func speak(_ bridge: Bridge, milliseconds: Int) {
        for _ in 0..<milliseconds / 20 {
            bridge.pass(20)
            bridge.callerFrame(Self.loud)
        }
    }

    @Test func `turn latency is from the caller's last sound to the agent's first frame`() throws {
        let bridge = try readyBridge()
        for _ in 0..<10 { bridge.callerFrame() }
        speak(bridge, milliseconds: 400)
        bridge.pass(700)
        bridge.delta([UInt8](repeating: 0, count: 9600), item: "item_1")
        #expect(bridge.media.turns.latency.count == 1)
        #expect(bridge.media.turns.latency.maximum == .milliseconds(700))
        // The same answer goes on after a pause, which is not a new turn.
        bridge.pass(2000)
        bridge.delta([UInt8](repeating: 0, count: 9600), item: "item_1")
        #expect(bridge.media.turns.latency.count == 1)
        #expect(bridge.media.downlink.counters.underruns == 1)
    }

    @Test func `a greeting without speech before it is not a turn`() throws {
        let bridge = try readyBridge()
        bridge.delta([UInt8](repeating: 0, count: 9600), item: "item_1")
        #expect(bridge.media.turns.latency.count == 0)
        #expect(bridge.media.downlink.counters.longestBacklogBytes > 0)
    }

    @Test func `an interruption is timed until the clear is sent`() throws {
        let bridge = try readyBridge()
        bridge.delta([UInt8](repeating: 0, count: 48_000), item: "item_1")
        bridge.pass(100)
        bridge.agentSays(
            #"{"type":"input_audio_buffer.speech_started","event_id":"e","audio_start_ms":10,"item_id":"u"}"#
        )
        #expect(bridge.media.isClearing)
        bridge.media.noteCleared(at: bridge.now + .microseconds(300))
        #expect(bridge.media.clearing.count == 1 && bridge.media.clearing.maximum == .microseconds(300))
        #expect(!bridge.media.isClearing)
        bridge.media.noteCleared(at: bridge.now + .seconds(1))
        #expect(bridge.media.clearing.count == 1)
    }
}
