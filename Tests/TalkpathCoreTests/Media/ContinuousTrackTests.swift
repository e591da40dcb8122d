import Foundation
import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

/// A call with a model on a continuous track, between a carrier and a strict fake of the model, on a virtual clock.
///
/// The model's clock is the received audio, and it is never ahead of time. Each of its pieces of 20 ms is either sound
/// or silence, by the script; the carrier plays its audio in real time.
private final class TrackBridge {
    let media: CallMedia
    let carrier = SpySink()
    let agent = SpySink()
    var milliseconds = 0
    var now: MonotonicInstant { .at(milliseconds: milliseconds) }
    private var sequence = 1

    // The model.
    private let format: AudioFormat
    private(set) var heardMilliseconds = 0
    private var track = 0
    private var lastAppend: Int?
    private(set) var longestHole = 0
    /// True while the model speaks, by the position of its track.
    var speaks: (Int) -> Bool = { _ in false }
    /// The model's messages that are under way in the network.
    private var late: [String] = []
    var isModelStalled = false

    // The carrier.
    var events: [MediaEvent] = []

    init(_ format: AudioFormat = .telephony, streams: Bool = true) throws {
        self.format = format
        media = try CallMedia(plan: MediaPlan(provider: .openaiLive, agentInput: format, agentOutput: format))
        media.telephonyOpened(carrier)
        media.agentOpened(agent)
        media.command(
            .configure(AgentSessionConfiguration(model: "gpt-live-1.1", inputFormat: format, outputFormat: format))
        )
        let type = format == .telephony ? #""audio/pcmu","rate":8000"# : #""audio/pcm","rate":24000"#
        agentSays(#"{"type":"session.started","session":{"audio":{"format":{"type":\#(type)}}}}"#)
        media.agentIsReady(at: now)
        media.pump()
        if streams { startStream() }
    }

    func startStream() {
        carrierSays(
            #"{"event":"start","sequenceNumber":"1","streamSid":"MZ01","start":{"streamSid":"MZ01","accountSid":"AC01","callSid":"CA01","tracks":["inbound"],"customParameters":{},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
        )
    }

    private func carrierSays(_ text: String) {
        let bytes = Array(text.utf8)
        media.telephonyReceived(bytes.span.bytes, at: now)
        settle()
    }

    func agentSays(_ text: String) {
        let bytes = Array(text.utf8)
        media.agentReceived(bytes.span.bytes, at: now)
        settle()
    }

    private func settle() {
        events += media.takeEvents()
        media.pump()
        for text in agent.take() where text.contains("input_audio.append") {
            let json = try? JSONValue(parsing: text)
            let bytes = [UInt8](base64: json?["audio"]?.string ?? "")
            heardMilliseconds += bytes.count / format.bytesPerMillisecond
            if let lastAppend { longestHole = max(longestHole, milliseconds - lastAppend) }
            lastAppend = milliseconds
        }
    }

    func callerFrame(_ code: UInt8 = 0xFF) {
        let bytes = [UInt8](repeating: 0, count: 160).indices.map { $0 % 8 < 4 ? code : code ^ 0x80 }
        let payload = code == 0xFF ? [UInt8](repeating: 0xFF, count: 160) : bytes
        sequence += 1
        carrierSays(
            #"{"event":"media","sequenceNumber":"\#(sequence)","streamSid":"MZ01","media":{"track":"inbound","chunk":"\#(sequence)","timestamp":"\#((sequence - 2) * 20)","payload":"\#(payload.base64)"}}"#
        )
    }

    /// Advances by 20 ms: the carrier sends a frame, unless told otherwise; the model follows its clock.
    func pass(caller code: UInt8? = 0xFF, ticks: Bool = true) {
        milliseconds += 20
        if let code { callerFrame(code) }
        if ticks {
            media.tick(at: now)
            settle()
        }
        playModel()
    }

    func pass(_ duration: Int, caller code: UInt8? = 0xFF) {
        for _ in 0..<duration / 20 { pass(caller: code) }
    }

    private func playModel() {
        while min(heardMilliseconds, milliseconds) >= track + 20 {
            late.append(delta(track))
            track += 20
        }
        guard !isModelStalled else { return }
        let due = late
        late = []
        for message in due { agentSays(message) }
    }

    private var deltas: [Bool: String] = [:]

    private func delta(_ position: Int) -> String {
        let isSound = speaks(position)
        if let known = deltas[isSound] { return known }
        let made = makeDelta(isSound)
        deltas[isSound] = made
        return made
    }

    private func makeDelta(_ isSound: Bool) -> String {
        let count = 20 * format.bytesPerMillisecond
        var bytes = [UInt8](repeating: format.silenceByte, count: count)
        if isSound {
            for index in bytes.indices {
                bytes[index] =
                    format == .telephony
                    ? (index % 8 < 4 ? 0x20 : 0xA0) : (index % 2 == 0 ? 0 : (index / 48) % 2 == 0 ? 0x10 : 0xF0)
            }
        }
        return #"{"type":"session.output_audio.delta","delta":"\#(bytes.base64)"}"#
    }

    func say(_ text: String, by speaker: String, at start: Int) {
        agentSays(
            #"{"type":"session.\#(speaker)_transcript.delta","delta":"\#(text)","start_ms":\#(start),"end_ms":\#(start)}"#
        )
    }

    var playedMilliseconds: Int {
        carrier.messages.compactMap { CarrierMessage($0)?.audio?.count }.reduce(0, +) / 8
    }

    var told: [String] {
        events.compactMap { event in
            switch event {
            case .agent(.responseStarted): "began"
            case .agent(.responseEnded(let end)): "ended \(end.status.rawValue)"
            case .agent(.agentTranscript(let words)): "agent \(words.item.index) \(words.isFinal ? "." : words.text)"
            case .agent(.callerTranscript(let words)): "caller \(words.item.index) \(words.isFinal ? "." : words.text)"
            case .interrupted(let cut):
                "cut \(cut.heard.first?.item.index ?? -1) \(cut.heard.first?.milliseconds ?? -1)"
            default: nil
            }
        }
    }
}

private struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }
}

struct ContinuousTrackTests {
    // MARK: The model's clock

    @Test func `a model whose carrier sends no audio gets silence, never with a gap of 100 ms`() throws {
        let bridge = try TrackBridge(streams: false)
        bridge.pass(3000, caller: nil)
        #expect(bridge.longestHole <= 80)
        #expect((2900...3100).contains(bridge.heardMilliseconds))
        bridge.startStream()
        bridge.pass(2000)
        bridge.pass(1500, caller: nil)
        bridge.pass(1000)
        #expect(bridge.longestHole <= 80)
        #expect(abs(bridge.heardMilliseconds - bridge.milliseconds) <= 100)
    }

    @Test func `a carrier that catches up after a gap does not delay the caller's audio to the model`() throws {
        let bridge = try TrackBridge()
        bridge.pass(1000)
        bridge.pass(600, caller: nil)
        for _ in 0..<30 { bridge.callerFrame() }
        #expect(bridge.heardMilliseconds - bridge.milliseconds <= 120)
        bridge.pass(2000)
        #expect(abs(bridge.heardMilliseconds - bridge.milliseconds) <= 100)
        #expect(bridge.longestHole <= 80)
    }

    @Test func `a burst of speech is heard whole, and its delay ends after the next pause`() throws {
        let bridge = try TrackBridge()
        bridge.pass(1000)
        bridge.pass(600, caller: nil)
        let before = bridge.heardMilliseconds
        for _ in 0..<30 { bridge.callerFrame(0x20) }
        #expect(bridge.heardMilliseconds - before == 600)
        bridge.pass(1000, caller: 0x20)
        #expect(bridge.heardMilliseconds - bridge.milliseconds > 400)
        bridge.pass(1500)
        #expect(bridge.heardMilliseconds - bridge.milliseconds <= 100)
        #expect(bridge.longestHole <= 80)
    }

    @Test func `a muted caller is sent as silence at the same pace`() throws {
        let bridge = try TrackBridge()
        bridge.media.setMuted(.caller, true, at: bridge.now)
        bridge.pass(1000, caller: 0x20)
        bridge.pass(500, caller: nil)
        #expect(bridge.longestHole <= 80)
        #expect(abs(bridge.heardMilliseconds - bridge.milliseconds) <= 100)
    }

    // MARK: Utterances

    @Test func `speech between silences becomes utterances with their words`() throws {
        let bridge = try TrackBridge()
        bridge.speaks = { (1000..<2000).contains($0) || (2300..<3000).contains($0) || (5000..<5600).contains($0) }
        bridge.pass(1100)
        bridge.say("Good day,", by: "output", at: 1000)
        bridge.pass(1900)
        bridge.say(" how are you?", by: "output", at: 2300)
        bridge.pass(1400)
        bridge.say("Fine", by: "input", at: 4000)
        bridge.pass(800)
        bridge.say("Yes.", by: "output", at: 5050)
        bridge.pass(3000)
        #expect(
            bridge.told == [
                "began", "agent 0 Good day,", "agent 0  how are you?", "ended completed", "agent 0 .",
                "caller 0 Fine", "began", "agent 1 Yes.", "caller 0 .", "ended completed", "agent 1 .",
            ]
        )
        // Silence between the utterances is not sent; a pause within one is.
        #expect((3700...3950).contains(bridge.playedMilliseconds))
    }

    @Test func `a model that stops for the caller is interrupted, and its record has the place`() throws {
        let bridge = try TrackBridge()
        bridge.speaks = { (1000..<3000).contains($0) }
        bridge.pass(2500)
        bridge.pass(1000, caller: 0x20)
        bridge.pass(1000)
        #expect(bridge.told == ["began", "cut 0 2000", "ended cancelled"])
    }

    @Test func `a model that has finished before the caller speaks is not interrupted`() throws {
        let bridge = try TrackBridge()
        bridge.speaks = { (1000..<3000).contains($0) }
        bridge.pass(3200)
        bridge.pass(1000, caller: 0x20)
        bridge.pass(1000)
        #expect(bridge.told == ["began", "ended completed"])
    }

    @Test func `a muted agent is not played, and its utterance counts as unheard`() throws {
        let bridge = try TrackBridge()
        bridge.speaks = { (1000..<2000).contains($0) }
        bridge.media.setMuted(.agent, true, at: bridge.now)
        bridge.pass(4000)
        #expect(bridge.playedMilliseconds == 0)
        #expect(bridge.events.contains { if case .silenced = $0 { true } else { false } })
    }

    // MARK: Delay

    @Test(arguments: [AudioFormat.telephony, .pcm24k])
    func `after a stall of the model's socket the delay ends within one pause`(format: AudioFormat) throws {
        let bridge = try TrackBridge(format)
        // Sentences of 1.6 s with pauses of 400 ms.
        bridge.speaks = { $0 > 500 && $0 % 2000 < 1600 }
        bridge.pass(5000)
        #expect(bridge.media.downlink.playoutDelay.maximum <= .milliseconds(60))
        bridge.isModelStalled = true
        bridge.pass(300)
        bridge.isModelStalled = false
        bridge.pass(700)
        // In the middle of the sentence the delay stays.
        #expect(bridge.media.downlink.playoutDelay.maximum >= .milliseconds(250))
        // After the pause it is gone.
        bridge.media.downlink.playoutDelay = LatencyHistogram()
        bridge.pass(4000)
        #expect(bridge.media.downlink.playoutDelay.count > 100)
        #expect(bridge.media.downlink.playoutDelay.maximum <= .milliseconds(60))
    }

    @Test(arguments: [80, 140, 300])
    func `the first pause after a stall ends its delay, also if it follows soon`(speechLeft: Int) throws {
        let bridge = try TrackBridge()
        // The stall takes 300 ms, and so does the pause.
        bridge.speaks = { (500..<2300 + speechLeft).contains($0) || (2600 + speechLeft..<5000).contains($0) }
        bridge.pass(2000)
        bridge.isModelStalled = true
        bridge.pass(300)
        bridge.isModelStalled = false
        bridge.pass(speechLeft + 340)
        bridge.media.downlink.playoutDelay = LatencyHistogram()
        bridge.pass(1500)
        #expect(bridge.media.downlink.playoutDelay.count > 50)
        #expect(bridge.media.downlink.playoutDelay.maximum <= .milliseconds(60))
    }

    /// A pause within a sentence is shorter than the cushion's limit and the stall together.
    @Test func `a short pause right after a stall ends its delay`() throws {
        let bridge = try TrackBridge()
        bridge.speaks = { (500..<2160).contains($0) || (2300..<6000).contains($0) }
        bridge.pass(2000)
        bridge.isModelStalled = true
        bridge.pass(160)
        bridge.isModelStalled = false
        bridge.pass(200)
        bridge.media.downlink.playoutDelay = LatencyHistogram()
        bridge.pass(1500)
        #expect(bridge.media.downlink.playoutDelay.count > 50)
        #expect(bridge.media.downlink.playoutDelay.maximum <= .milliseconds(60))
    }

    /// Fed in bursts, the model's clock and with it its voice go in bursts.
    @Test func `in a gap of the line the model is fed at every tick`() throws {
        let bridge = try TrackBridge()
        bridge.pass(1000)
        let before = bridge.heardMilliseconds
        // The line's jitter is waited for; from then on the model's clock keeps time.
        for _ in 0..<5 { bridge.pass(caller: nil) }
        var largest = 0
        var last = bridge.heardMilliseconds
        for _ in 0..<25 {
            bridge.pass(caller: nil)
            largest = max(largest, bridge.heardMilliseconds - last)
            last = bridge.heardMilliseconds
        }
        #expect(bridge.heardMilliseconds - before >= 500)
        #expect(largest <= 20)
    }

    @Test func `a long call with stalls and gaps keeps the model's clock running and the delay short`() throws {
        let bridge = try TrackBridge()
        bridge.speaks = { $0 % 4000 < 2400 && $0 % 600 < 450 }
        var random = Dice(state: 7)
        let minutes = Int(ProcessInfo.processInfo.environment["TALKPATH_TRACK_MINUTES"] ?? "") ?? 5
        var gap = 0
        var stall = 0
        while bridge.milliseconds < minutes * 60_000 {
            // A gap of the carrier about every ten seconds, followed by a burst in half of the cases; a stall of the
            // model's socket every hundred seconds.
            if gap == 0, random.next() % 500 == 0 { gap = Int(random.next() % 40) + 5 }
            if stall == 0, random.next() % 5000 == 0 { stall = Int(random.next() % 15) + 2 }
            bridge.isModelStalled = stall > 0
            stall = max(0, stall - 1)
            guard gap > 0 else {
                bridge.pass()
                continue
            }
            bridge.pass(caller: nil)
            gap -= 1
            if gap == 0, random.next() % 2 == 0 {
                for _ in 0..<10 { bridge.callerFrame(random.next() % 2 == 0 ? 0x20 : 0xFF) }
            }
            if bridge.milliseconds % 60_000 < 40 { bridge.events.removeAll() }
            _ = bridge.carrier.take()
        }
        #expect(bridge.longestHole <= 100)
        #expect(abs(bridge.heardMilliseconds - bridge.milliseconds) <= 400)
        #expect(bridge.media.downlink.playoutDelay.quantile(0.99) <= .milliseconds(60))
    }
}
