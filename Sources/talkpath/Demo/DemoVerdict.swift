import TalkpathAudio
import TalkpathSimulators
import TalkpathWire

/// The checks that the demo must pass, each with the figure that it is based on.
struct DemoVerdict: Codable {
    struct Check: Codable {
        var name: String
        var isPassed: Bool
        var detail: String
    }

    var checks: [Check] = []

    var isPassed: Bool { checks.allSatisfy(\.isPassed) }

    mutating func check(_ name: String, _ isPassed: Bool, _ detail: String) {
        checks.append(Check(name: name, isPassed: isPassed, detail: detail))
    }
}

extension DemoVerdict {
    /// Checks that the model heard the caller's words.
    mutating func judgeUplink(_ stream: MediaStreamRecord, _ agent: AgentRecord) {
        guard agent.inputFormat.encoding == .pcm16 else {
            // Audio that passes through must be identical, up to the end.
            let count = min(agent.audioReceived.count, stream.said.count)
            let isSame = count > 0 && agent.audioReceived[..<count].elementsEqual(stream.said[..<count])
            let missing = stream.said.count - count
            check("caller -> agent", isSame && missing <= 8000, "\(count) bytes, \(isSame ? "identical" : "different")")
            return
        }
        // Compare at the model's rate: at the telephone's rate, the filters' delay may be off by half a sample.
        let rate = agent.inputFormat.sampleRate
        let said = Self.resampled(stream.saidSamples, from: 8000, to: rate)
        let match = AudioCorrelation.bestLag(of: said, in: agent.receivedSamples, maxLag: rate / 5)
        check(
            "caller -> agent",
            match.coefficient >= 0.98,
            "correlation \(match.coefficient.formatted(4)) over \(agent.receivedSamples.count * 1000 / rate) ms"
        )
    }

    /// Checks that the caller heard the model's words: each utterance, up to the point to which it was played.
    mutating func judgeDownlink(_ stream: MediaStreamRecord, _ agent: AgentRecord, cut: [DemoMetrics.Hearing]) {
        let heard = stream.heardSamples
        for item in agent.items where !item.audio.isEmpty {
            let spoken = Samples8k.of(item.audio, format: agent.outputFormat)
            // An interrupted utterance is compared up to the point to which the caller heard it.
            let heardMilliseconds = cut.first { $0.item == item.id }?.heardMilliseconds
            let length = min(spoken.count, heardMilliseconds.map { $0 * 8 } ?? spoken.count)
            guard length > 0 else { continue }
            let reference = Array(spoken[..<length])
            let match = AudioCorrelation.bestLag(of: reference, in: heard, maxLag: heard.count)
            check(
                "agent -> caller",
                match.coefficient >= 0.98,
                "correlation \(match.coefficient.formatted(4)) over \(length / 8) ms, heard at "
                    + "\((Double(match.lag) / 8000).formatted(2)) s"
            )
        }
    }

    static func resampled(_ samples: [Int16], from rate: Int, to target: Int) -> [Int16] {
        guard rate != target, var resampler = try? Resampler(from: rate, to: target) else { return samples }
        return resampler.resampled(samples)
    }
}

/// Converts a model's audio to the telephone's rate.
enum Samples8k {
    static func of(_ bytes: [UInt8], format: AudioFormat) -> [Int16] {
        switch format.encoding {
        case .mulaw:
            return bytes.map(MuLaw.decode)
        case .alaw:
            return bytes.map(ALaw.decode)
        case .pcm16:
            let samples = stride(from: 0, to: bytes.count - 1, by: 2).map {
                Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8)
            }
            return DemoVerdict.resampled(samples, from: format.sampleRate, to: 8000)
        }
    }
}

extension DemoVerdict {
    /// Checks that the interruption silenced the agent, and that the record says how much was heard.
    mutating func judgeInterruption(_ metrics: DemoMetrics, _ stream: MediaStreamRecord, expected: Int) {
        check(
            "interruption",
            stream.clears.count >= expected && metrics.heardAgainstBelieved.count >= expected,
            "answers cut short: \(metrics.heardAgainstBelieved.count), line cleared: \(stream.clears.count)"
        )
        for hearing in metrics.heardAgainstBelieved {
            let told = [hearing.recordedMilliseconds, hearing.believedMilliseconds].compactMap(\.self)
            let error = told.map { abs($0 - hearing.heardMilliseconds) }.max()
            check(
                "heard against believed",
                error.map { $0 <= 40 } ?? false,
                error.map { "off by \($0) ms at most" } ?? "nothing on record"
            )
        }
    }

    /// Checks that neither the carrier nor the model reported a fault.
    mutating func judgeProtocol(_ stream: MediaStreamRecord, _ agent: AgentRecord, _ carrier: CallRecord) {
        let complaints =
            stream.violations.map(\.description) + agent.violations.map(\.description) + carrier.errors
        check("protocol", complaints.isEmpty, complaints.first ?? "no violation on either side")
    }

    /// Checks that the receipt is complete and true.
    mutating func judgeEnd(_ answer: LoopbackClient.Answer, carrier: CallRecord, openSessions: Int) {
        let receipt = answer.body
        let steps = receipt["steps"]?.array ?? []
        let names = steps.compactMap { $0["step"]?.string }
        let isWhole =
            answer.status == 200 && receipt["success"]?.bool == true && receipt["carrier_confirmed"]?.bool == true
            && receipt["ended_reason"]?.string == "ended_by_api"
            && Set(names) == ["stop_bridge", "hang_up", "close_agent", "close_media", "save_record"]
            && steps.allSatisfy { ["done", "already_gone"].contains($0["outcome"]?.string) }
        check("receipt", isWhole, "\(answer.status), \(steps.count) steps")
        check("carrier", carrier.status == "completed", "its call is \(carrier.status)")
        check("model", openSessions == 0, "\(openSessions) sockets left open")
    }
}
