import TalkpathAudio
import TalkpathSimulation
import TalkpathWire
import Testing

@testable import TalkpathCore

/// Whole conversations with interruptions on a virtual line, from random seeds. The reported heard length of each
/// utterance must equal the caller's.
struct PlaybackTruthTests {
    @Test(arguments: [AgentProvider.openai, .gemini], [BargeIn.model, .local, .both])
    func `the reported heard length is exact within a frame, and never more than was produced`(
        provider: AgentProvider,
        bargeIn: BargeIn
    ) throws {
        var interruptions = 0
        for seed in 1...8 {
            var line = try VirtualLine(provider, bargeIn, seed: UInt64(seed))
            line.run(milliseconds: 12_000)
            let verdict = line.verdict()
            #expect(verdict.faults.isEmpty, "seed \(seed): \(verdict.faults)")
            interruptions += verdict.interruptions
        }
        // Seeds without interruptions would prove nothing.
        #expect(interruptions >= 8)
    }

    /// Jitter in each direction. A clear may have all of it and the audio before it none, so that much stays unknown.
    @Test(arguments: [0, 40, 100, 250], [0, 15, 30])
    func `the delay of the line does not change the heard length`(oneWay: Int, jitter: Int) throws {
        var errors: [Int] = []
        for seed in 1...8 {
            var line = try VirtualLine(.openai, .model, seed: UInt64(seed), oneWay: oneWay, jitter: jitter)
            line.run(milliseconds: 20_000)
            let verdict = line.verdict(tolerance: 20 + jitter)
            #expect(verdict.faults.isEmpty, "seed \(seed): \(verdict.faults)")
            errors += verdict.errors
        }
        #expect(errors.count >= 20)
        let bad = errors.filter { abs($0) > 20 }
        #expect(bad.count * (jitter < 30 ? 16 : 8) <= errors.count, "\(errors.sorted())")
        let mean = errors.reduce(0, +) / max(1, errors.count)
        #expect(abs(mean) <= 10)
    }
}

/// A model with a random script, our media plane, and a carrier's ear, with delays between them. Steps of 4 ms.
private struct VirtualLine {
    private struct Spoken {
        var number: Int
        var turn: Int
        /// The codec's number of the item, from its first audio on.
        var index: Int?
        var producedBytes = 0
        var isComplete = false
        var wasCut = false
    }

    /// The model's next step.
    private enum Model {
        case idle(until: Int)
        /// Speaking: the rest of the present item, in milliseconds of audio, and the number of items after it.
        case speaking(left: Int, more: Int)
        /// All audio is generated, and taken as still playing (Gemini).
        case generated(playsUntil: Int)
        /// Interrupted; the model sends the audio under way before it reports the interruption.
        case cancelled(lateDeltas: Int, at: Int)
    }

    private let provider: AgentProvider
    private let bargeIn: BargeIn
    private let media: CallMedia
    private let carrier = SpySink()
    private let agent = SpySink()
    private var random: SplitMix64
    private var playout = CarrierPlayout()
    private var milliseconds = 0
    private let down: Int
    private let up: Int
    private let jitter: Int
    private var toEar: [(at: Int, message: CarrierMessage)] = []
    private var toUs: [(at: Int, mark: String)] = []

    private var model = Model.idle(until: 100)
    private var items: [Spoken] = []
    private var isTurnOpen = false
    private var turn = 0
    private var turnBegan = 0
    private var indices = 0
    /// Turns in which the caller was heard over the agent. Their later audio is not heard.
    private var cutTurns: Set<Int> = []
    private var sequence = 1
    private var callerSpeaksUntil = 0
    private var speechReported = true

    private var told: [(item: Int, milliseconds: Int)] = []
    private var neverHeard: Set<Int> = []
    private var interruptions = 0
    private var faults: [String] = []

    init(_ provider: AgentProvider, _ bargeIn: BargeIn, seed: UInt64, oneWay: Int? = nil, jitter: Int = 0) throws {
        self.provider = provider
        self.bargeIn = bargeIn
        random = SplitMix64(seed: seed)
        down = oneWay ?? 4 * Int.random(in: 0...1, using: &random)
        up = oneWay ?? 4 * Int.random(in: 0...1, using: &random)
        self.jitter = jitter
        media = try CallMedia(
            plan: MediaPlan(
                provider: provider,
                agentInput: provider == .openai ? .telephony : .pcm16k,
                agentOutput: provider == .openai ? .telephony : .pcm24k,
                bargeIn: bargeIn
            )
        )
        media.telephonyOpened(carrier)
        media.agentOpened(agent)
        carrierSays(
            #"{"event":"start","sequenceNumber":"1","streamSid":"MZ01","start":{"streamSid":"MZ01","accountSid":"AC01","callSid":"CA01","tracks":["inbound"],"customParameters":{},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
        )
        agentSays(
            provider == .openai
                ? #"{"type":"session.updated","session":{"audio":{"output":{"format":{"type":"audio/pcmu"}}}}}"#
                : #"{"setupComplete":{}}"#
        )
        media.agentIsReady(at: now)
    }

    private var now: MonotonicInstant { .at(milliseconds: milliseconds) }

    mutating func run(milliseconds duration: Int) {
        for _ in 0..<duration / 4 { step(isWindingUp: false) }
        // Speech has ended, and the remaining audio plays out.
        for _ in 0..<10_000 {
            step(isWindingUp: true)
            if case .idle = model, toEar.isEmpty, toUs.isEmpty, media.isPlayedOut(at: now) { break }
        }
    }

    private mutating func step(isWindingUp: Bool) {
        milliseconds += 4
        playout.advance(to: milliseconds * 1000)
        deliver()
        if !isWindingUp { maybeInterrupt() }
        stepModel(isWindingUp: isWindingUp)
        if milliseconds % 20 == 0 {
            if bargeIn != .model || milliseconds < callerSpeaksUntil { callerFrame() }
            media.tick(at: now)
        }
        settle()
    }

    // MARK: The line

    private mutating func deliver() {
        while let first = toEar.first, first.at <= milliseconds {
            toEar.removeFirst()
            playout.receive(first.message, at: milliseconds * 1000)
        }
        for mark in playout.takeEchoes() { toUs.append((arrival(after: up, behind: toUs.last?.at), mark)) }
        while let first = toUs.first, first.at <= milliseconds {
            toUs.removeFirst()
            carrierSays(
                #"{"event":"mark","sequenceNumber":"9","streamSid":"MZ01","mark":{"name":"\#(first.mark)"}}"#
            )
        }
    }

    /// No message overtakes an earlier one.
    private mutating func arrival(after delay: Int, behind last: Int?) -> Int {
        max(last ?? 0, milliseconds + delay + (jitter > 0 ? Int.random(in: 0...jitter, using: &random) : 0))
    }

    /// Sends the messages, and records the interruptions.
    private mutating func settle() {
        media.pump()
        for text in carrier.take() {
            guard let message = CarrierMessage(text) else { continue }
            toEar.append((arrival(after: down, behind: toEar.last?.at), message))
        }
        for text in agent.take() { hear(text) }
        for event in media.takeEvents() {
            guard case .interrupted(let interruption) = event else { continue }
            interruptions += 1
            if isTurnOpen { cutTurns.insert(turn) }
            for heard in interruption.heard { note(heard.item, heard: heard.milliseconds) }
            for item in interruption.neverHeard { note(item, heard: nil) }
        }
    }

    private mutating func note(_ item: AgentItem, heard: Int?) {
        guard let number = items.lastIndex(where: { $0.index == item.index }) else {
            faults.append("an interruption of what was never said")
            return
        }
        items[number].wasCut = true
        guard let heard else {
            neverHeard.insert(number)
            return
        }
        told.append((number, heard))
        let produced = producedMilliseconds(number)
        if heard > produced { faults.append("item \(number): \(heard) ms heard of \(produced) produced") }
    }

    private func producedMilliseconds(_ item: Int) -> Int {
        items[item].producedBytes / (provider == .openai ? 8 : 48)
    }

    /// The messages to the model.
    private mutating func hear(_ text: String) {
        if text.hasPrefix(#"{"type":"response.cancel""#) { cancel() }
        guard text.hasPrefix(#"{"type":"conversation.item.truncate""#), let json = try? JSONValue(parsing: text)
        else { return }
        let item = Int(json["item_id"]?.string?.dropFirst(5) ?? "") ?? -1
        let end = json["audio_end_ms"]?.int ?? -1
        guard items.indices.contains(item) else {
            faults.append("truncates what was never said")
            return
        }
        if end > producedMilliseconds(item) { faults.append("truncates item \(item) beyond its end") }
    }

    // MARK: The caller

    private mutating func maybeInterrupt() {
        guard callerSpeaksUntil < milliseconds - 1500, indices > 0 else { return }
        guard Int.random(in: 0..<200, using: &random) == 0 else { return }
        callerSpeaksUntil = milliseconds + 600
        speechReported = false
    }

    private mutating func callerFrame() {
        let isSpeaking = milliseconds < callerSpeaksUntil
        let frame = (0..<160).map { UInt8(isSpeaking ? ($0 % 8 < 4 ? 0x10 : 0x90) : ($0 % 2 == 0 ? 0xFF : 0x7F)) }
        sequence += 1
        carrierSays(
            #"{"event":"media","sequenceNumber":"\#(sequence)","streamSid":"MZ01","media":{"track":"inbound","chunk":"\#(sequence)","timestamp":"\#((sequence - 2) * 20)","payload":"\#(frame.base64)"}}"#
        )
        guard isSpeaking, !speechReported, milliseconds > callerSpeaksUntil - 300 else { return }
        speechReported = true
        modelHearsCaller()
    }

    /// The model's own report that the caller speaks.
    private mutating func modelHearsCaller() {
        switch provider {
        case .openai:
            agentSays(#"{"type":"input_audio_buffer.speech_started","audio_start_ms":0}"#)
            if bargeIn != .local { cancel() }
        case .gemini, .openaiLive, .socket:
            guard bargeIn != .local else { return }
            switch model {
            case .speaking, .generated:
                cancel()
                agentSays(#"{"serverContent":{"interrupted":true}}"#)
            case .idle, .cancelled: break
            }
        }
    }

    // MARK: The model

    private mutating func cancel() {
        // Of a turn that is generated, no audio is left.
        let mostLate: Int
        switch model {
        case .speaking: mostLate = 3
        case .generated: mostLate = 0
        case .idle, .cancelled: return
        }
        cutTurns.insert(turn)
        model = .cancelled(
            lateDeltas: Int.random(in: 0...mostLate, using: &random),
            at: milliseconds + Int.random(in: 1...30, using: &random)
        )
    }

    private mutating func stepModel(isWindingUp: Bool) {
        switch model {
        case .idle(let until):
            guard !isWindingUp, milliseconds >= until, items.count < 60 else { return }
            if provider == .openai { agentSays(#"{"type":"response.created","response":{"id":"r"}}"#) }
            isTurnOpen = true
            turn += 1
            turnBegan = milliseconds
            beginItem(more: provider == .openai ? Int.random(in: 0...2, using: &random) : 0)
        case .speaking(let left, let more):
            // Two to ten times as fast as the playback, in pieces of any size.
            guard Int.random(in: 0..<8, using: &random) == 0 else { return }
            let piece = min(left, Int.random(in: 1...250, using: &random))
            delta(piece)
            if piece < left {
                model = .speaking(left: left - piece, more: more)
            } else {
                endItem(more: more)
            }
        case .generated(let playsUntil):
            if milliseconds >= playsUntil { endTurn(isCancelled: false) }
        case .cancelled(let late, let at):
            guard milliseconds >= at else { return }
            if late > 0 {
                delta(Int.random(in: 1...200, using: &random))
                model = .cancelled(lateDeltas: late - 1, at: milliseconds + 4)
            } else {
                endTurn(isCancelled: true)
            }
        }
    }

    private mutating func beginItem(more: Int) {
        items.append(Spoken(number: items.count, turn: turn))
        model = .speaking(left: Int.random(in: 40...5000, using: &random), more: more)
    }

    private mutating func endItem(more: Int) {
        items[items.count - 1].isComplete = true
        if provider == .openai {
            agentSays(#"{"type":"response.output_audio.done","item_id":"item_\#(items.count - 1)"}"#)
        }
        if more > 0 {
            beginItem(more: more - 1)
        } else if provider == .openai {
            endTurn(isCancelled: false)
        } else {
            agentSays(#"{"serverContent":{"generationComplete":true}}"#)
            model = .generated(playsUntil: turnBegan + producedMilliseconds(items.count - 1))
        }
    }

    private mutating func endTurn(isCancelled: Bool) {
        switch provider {
        case .openai:
            agentSays(
                #"{"type":"response.done","response":{"status":"\#(isCancelled ? "cancelled" : "completed")"}}"#
            )
        case .gemini, .openaiLive, .socket:
            agentSays(#"{"serverContent":{"turnComplete":true}}"#)
        }
        isTurnOpen = false
        model = .idle(until: milliseconds + Int.random(in: 200...3000, using: &random))
    }

    private mutating func delta(_ duration: Int) {
        let item = items.count - 1
        if items[item].index == nil {
            items[item].index = indices
            indices += 1
        }
        switch provider {
        case .openai:
            let bytes = [UInt8](repeating: Self.code(of: item), count: duration * 8)
            items[item].producedBytes += bytes.count
            agentSays(
                #"{"type":"response.output_audio.delta","item_id":"item_\#(item)","content_index":0,"delta":"\#(bytes.base64)"}"#
            )
        case .gemini, .openaiLive, .socket:
            let level = UInt16(bitPattern: MuLaw.decode(Self.code(of: item)))
            var bytes: [UInt8] = []
            for _ in 0..<duration * 24 { bytes += [UInt8(truncatingIfNeeded: level), UInt8(level >> 8)] }
            items[item].producedBytes += bytes.count
            agentSays(
                #"{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"\#(bytes.base64)"}}]}}}"#
            )
        }
    }

    /// The µ-law code of every byte of an item: loud, and two steps from its neighbours.
    private static func code(of item: Int) -> UInt8 { UInt8((item % 60) / 2 * 2 + (item % 2) * 128) }

    private func agentSays(_ text: String) {
        let bytes = Array(text.utf8)
        media.agentReceived(bytes.span.bytes, at: now)
    }

    private func carrierSays(_ text: String) {
        let bytes = Array(text.utf8)
        media.telephonyReceived(bytes.span.bytes, at: now)
    }

    // MARK: The judge

    func verdict(tolerance: Int? = nil) -> (interruptions: Int, faults: [String], errors: [Int]) {
        var faults = faults
        var errors: [Int] = []
        var heard: [UInt8: Int] = [:]
        for byte in playout.heard { heard[byte, default: 0] += 1 }
        func heardMilliseconds(_ item: Int) -> Int {
            let code = Self.code(of: item)
            return (heard[code] ?? 0) / 8 + (provider == .gemini ? (heard[code + 1] ?? 0) / 8 : 0)
        }
        // A filter's edges belong to no item.
        let tolerance = tolerance ?? AudioFormat.frameMilliseconds + (provider == .gemini ? 4 : 0)
        for (item, milliseconds) in told {
            let error = milliseconds - heardMilliseconds(item)
            errors.append(error)
            guard abs(error) > tolerance else { continue }
            faults.append("item \(item): \(milliseconds) ms told, \(heardMilliseconds(item)) heard")
        }
        for item in neverHeard where heardMilliseconds(item) > tolerance {
            faults.append("item \(item): heard \(heardMilliseconds(item)) ms of what was never heard")
        }
        for item in items where !item.wasCut {
            let produced = producedMilliseconds(item.number)
            let isWhole = abs(heardMilliseconds(item.number) - produced) <= (provider == .gemini ? 8 : 1) + jitter
            // Sent after the interruption, too late to be heard.
            let cameLate = cutTurns.contains(item.turn) && heardMilliseconds(item.number) == 0
            if !isWhole, !cameLate {
                faults.append("item \(item.number): \(heardMilliseconds(item.number)) ms of \(produced) heard")
            }
        }
        return (interruptions, faults, errors)
    }
}
