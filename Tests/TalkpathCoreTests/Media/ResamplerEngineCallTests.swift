import Foundation
import TalkpathAudio
import TalkpathSimulation
import TalkpathWire
import Testing

@testable import TalkpathCore

/// Each engine in the path of a call's audio, from the carrier's message to the model's and back.
struct ResamplerEngineCallTests {
    private static let milliseconds = 400

    /// In dB: the quality of a sweep through the telephone band after µ-law and the engine. Linear interpolation lowers
    /// it, and a sample-and-hold lowers it more.
    private func leastSNR(_ engine: ResamplerEngine) -> Double {
        switch engine {
        case .polyphase, .libsamplerate(.best), .libsamplerate(.medium), .libsamplerate(.fastest): 30
        case .libsamplerate(.linear): 8
        case .libsamplerate(.hold): 2
        }
    }

    @Test(arguments: ResamplerEngine.allCases, [AgentProvider.openai, .gemini])
    func `the model hears the caller through the engine that was selected`(
        engine: ResamplerEngine,
        provider: AgentProvider
    ) throws {
        let bridge = try EngineBridge(engine, provider)
        let rate = provider == .openai ? 24_000 : 16_000
        let sent = EngineBridge.sweep(rate: 8000, milliseconds: Self.milliseconds).map { MuLaw.encode($0) }
        bridge.callerSays(sent)
        let heard = bridge.agentHeard()
        // All audio but the part in the filter.
        let missing = Self.milliseconds * rate / 1000 - heard.count
        #expect(missing >= -1 && missing <= rate / 50)
        #expect(EngineBridge.snr(heard, rate: rate, milliseconds: Self.milliseconds) > leastSNR(engine))
        #expect(bridge.media.uplink.description.contains(engine.description.split(separator: "-").last ?? "none"))
        #expect(bridge.media.uplink.counters.failedConversions == 0)
    }

    @Test(arguments: ResamplerEngine.allCases)
    func `the caller hears the model through the engine that was selected`(engine: ResamplerEngine) throws {
        let bridge = try EngineBridge(engine, .openai)
        bridge.agentSays(EngineBridge.sweep(rate: 24_000, milliseconds: Self.milliseconds))
        let heard = bridge.callerHeard(milliseconds: Self.milliseconds + 200).map { MuLaw.decode($0) }
        // The answer is complete: the filter's tail came out at its end.
        #expect(heard.count >= Self.milliseconds * 8 && heard.count <= (Self.milliseconds + 40) * 8)
        #expect(EngineBridge.snr(heard, rate: 8000, milliseconds: Self.milliseconds) > leastSNR(engine))
        #expect(bridge.media.downlink.counters.failedConversions == 0)
    }

    @Test(arguments: ResamplerEngine.allCases)
    func `any chunking of a call's audio gives the same bytes through each engine`(engine: ResamplerEngine) throws {
        var random = SplitMix64(seed: 9)
        let bytes = (0..<6000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        for (input, output) in [(AudioFormat.telephony, AudioFormat.pcm24k), (.pcm24k, .telephony)] {
            let whole = try Self.convert(bytes, by: { bytes.count }, input, output, engine)
            #expect(try Self.convert(bytes, by: { 1 }, input, output, engine) == whole)
            #expect(
                try Self.convert(bytes, by: { Int.random(in: 1...999, using: &random) }, input, output, engine) == whole
            )
        }
    }

    @Test func `libsamplerate takes rates that polyphase has no filter for`() throws {
        let odd = AudioFormat(encoding: .pcm16, sampleRate: 22_050)
        #expect(throws: ResamplerError.self) { _ = try AudioConverter(from: .telephony, to: odd) }
        let speech = [UInt8](repeating: 0x55, count: 8000)
        let bytes = try Self.convert(speech, by: { 160 }, .telephony, odd, .libsamplerate(.medium))
        #expect(abs(bytes.count / 2 - 22_050) <= 1)
    }

    @Test(arguments: [Int.min, -8000, 0, 999, 384_001, Int.max])
    func `a rate that no call uses is refused with any engine`(rate: Int) {
        let format = AudioFormat(encoding: .mulaw, sampleRate: rate)
        let error = ResamplerError(inputRate: rate, outputRate: rate, reason: .rateOutOfRange)
        for engine in ResamplerEngine.allCases {
            #expect(throws: error) { _ = try AudioConverter(from: format, to: format, engine: engine) }
            #expect(throws: ResamplerError.self) { _ = try AudioConverter(from: format, to: .pcm24k, engine: engine) }
            #expect(throws: ResamplerError.self) { _ = try AudioConverter(from: .pcm24k, to: format, engine: engine) }
        }
    }

    @Test(arguments: ResamplerEngine.allCases)
    func `equal rates are never resampled`(engine: ResamplerEngine) throws {
        let codes = (0...255).map { UInt8($0) }
        let expected = codes.map { ALaw.encode(MuLaw.decode($0)) }
        #expect(try Self.convert(codes, by: { 7 }, .telephony, .alaw8k, engine) == expected)
    }

    private static func convert(
        _ bytes: [UInt8],
        by chunk: () -> Int,
        _ input: AudioFormat,
        _ output: AudioFormat,
        _ engine: ResamplerEngine
    ) throws -> [UInt8] {
        var converter = try AudioConverter(from: input, to: output, engine: engine)
        var result: [UInt8] = []
        var offset = 0
        while offset < bytes.count {
            let end = min(bytes.count, offset + chunk())
            converter.convert(bytes.span.bytes.extracting(offset..<end)) { result += $0.withUnsafeBytes { Array($0) } }
            offset = end
        }
        converter.finish { result += $0.withUnsafeBytes { Array($0) } }
        #expect(converter.takeFailures() == 0)
        return result
    }
}

/// A call's media plane with a chosen engine, between two sockets that record their messages.
private final class EngineBridge {
    let media: CallMedia
    private let carrier = SpySink()
    private let agent = SpySink()
    private var now = MonotonicInstant.at(milliseconds: 0)

    init(_ engine: ResamplerEngine, _ provider: AgentProvider) throws {
        media = try CallMedia(
            plan: MediaPlan(
                provider: provider,
                agentInput: provider == .openai ? .pcm24k : .pcm16k,
                agentOutput: .pcm24k,
                resampler: engine
            )
        )
        media.telephonyOpened(carrier)
        media.agentOpened(agent)
        receive(#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#)
        receive(
            #"{"event":"start","sequenceNumber":"1","streamSid":"MZ01","start":{"streamSid":"MZ01","accountSid":"AC01","callSid":"CA01","tracks":["inbound"],"customParameters":{},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
        )
        media.agentIsReady(at: now)
    }

    /// A tone that rises from 300 to 3100 Hz, sampled with a delay of `delay` samples.
    static func sweep(rate: Int, milliseconds: Int, delay: Double = 0) -> [Int16] {
        (0..<rate * milliseconds / 1000).map { index in
            let time = (Double(index) - delay) / Double(rate)
            return Int16(12_000 * sin(2 * .pi * (300 * time + 1_400_000 / Double(milliseconds) * time * time)))
        }
    }

    /// The quality of the sweep in dB, for any fractional delay of the filter.
    static func snr(_ heard: [Int16], rate: Int, milliseconds: Int) -> Double {
        let plain = sweep(rate: rate, milliseconds: milliseconds)
        let lag = AudioCorrelation.bestLag(of: plain, in: heard, maxLag: rate / 50).lag
        return (-6...6).map { sixth in
            let reference = sweep(rate: rate, milliseconds: milliseconds, delay: Double(sixth) / 6)
            return ratio(zip(reference, heard.dropFirst(max(0, lag))))
        }.max() ?? 0
    }

    /// The ratio of the matching to the differing part, for any volume.
    private static func ratio(_ pairs: some Sequence<(Int16, Int16)>) -> Double {
        var (sent, both, got) = (0.0, 0.0, 0.0)
        for (one, other) in pairs {
            sent += Double(one) * Double(one)
            both += Double(one) * Double(other)
            got += Double(other) * Double(other)
        }
        guard sent > 0, got > 0 else { return 0 }
        let alike = both * both / sent
        return 10 * log10(alike / max(1, got - alike))
    }

    private func receive(_ text: String) {
        let bytes = Array(text.utf8)
        media.telephonyReceived(bytes.span.bytes, at: now)
        media.pump()
    }

    func callerSays(_ codes: [UInt8]) {
        for (index, start) in stride(from: 0, to: codes.count, by: 160).enumerated() {
            let payload = Array(codes[start..<min(codes.count, start + 160)]).base64
            receive(
                #"{"event":"media","sequenceNumber":"\#(index + 2)","streamSid":"MZ01","media":{"track":"inbound","chunk":"\#(index + 1)","timestamp":"\#(index * 20)","payload":"\#(payload)"}}"#
            )
        }
    }

    func agentHeard() -> [Int16] {
        agent.take().flatMap { text -> [Int16] in
            guard let json = try? JSONValue(parsing: text) else { return [] }
            let audio = json["audio"]?.string ?? json["realtimeInput"]?["audio"]?["data"]?.string ?? ""
            return Self.samples([UInt8](base64: audio))
        }
    }

    func agentSays(_ samples: [Int16]) {
        let head = #""response_id":"r1","item_id":"i1","output_index":0,"content_index":0"#
        tell(#"{"type":"response.created","response":{"id":"r1"}}"#)
        for start in stride(from: 0, to: samples.count, by: 4800) {
            let bytes = samples[start..<min(samples.count, start + 4800)].flatMap {
                [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)]
            }
            tell(#"{"type":"response.output_audio.delta",\#(head),"delta":"\#(bytes.base64)"}"#)
        }
        tell(#"{"type":"response.output_audio.done",\#(head)}"#)
    }

    private func tell(_ text: String) {
        let bytes = Array(text.utf8)
        media.agentReceived(bytes.span.bytes, at: now)
        media.pump()
    }

    func callerHeard(milliseconds: Int) -> [UInt8] {
        for _ in 0..<milliseconds / 20 {
            now = now + .milliseconds(20)
            media.tick(at: now)
            media.pump()
        }
        return carrier.take().compactMap { CarrierMessage($0)?.audio }.flatMap { $0 }
    }

    private static func samples(_ bytes: [UInt8]) -> [Int16] {
        stride(from: 0, to: bytes.count - 1, by: 2).map {
            Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8)
        }
    }
}
