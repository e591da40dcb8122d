import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// The data of the page.
extension CallPicture {
    func json(recording: [UInt8]) -> JSONValue {
        [
            "title": .string("\(facts.agent.provider.rawValue) \(facts.agent.model)"),
            "callID": .string(facts.callID.text), "direction": .string(facts.direction.rawValue),
            "startedAt": JSONValue(Int(facts.startedAt.milliseconds)), "duration": number(duration),
            "streamBegan": number(streamBegan), "reason": receipt.map { .string($0.reason) } ?? .null,
            "status": receipt.map { .string($0.status) } ?? .null,
            "teardown": receipt.map { number($0.teardownMilliseconds) } ?? .null,
            "confirmed": receipt.map { .bool($0.carrierConfirmed) } ?? .null, "isCut": .bool(isCut),
            "hasGaps": .bool(hasGaps), "missing": number(missingMilliseconds),
            "medianLatency": medianLatency.map(number) ?? .null, "worstLatency": latencies.last.map(number) ?? .null,
            "speeches": .array(
                speeches.map {
                    [
                        "caller": .bool($0.isCaller), "begin": number($0.begin), "end": number($0.end),
                        "text": .string($0.text), "latency": $0.latency.map(number) ?? .null, "cut": .bool($0.isCut),
                    ]
                }
            ),
            "bargeIns": .array(bargeIns.map { ["at": number($0.at), "heard": JSONValue($0.heard)] }),
            "clears": .array(clears.map(number)),
            "marks": .array(marks.map { ["sent": number($0.sent), "echoed": $0.echoed.map(number) ?? .null] }),
            "holes": .array(holes.map { ["at": number($0.at), "missing": number($0.missing)] }),
            "notes": .array(
                notes.map { ["at": number($0.at), "name": .string($0.name), "detail": .string($0.detail)] }
            ),
            "steps": .array(
                steps.map {
                    [
                        "name": .string($0.name), "outcome": .string($0.outcome), "begin": number($0.begin),
                        "ms": number($0.milliseconds), "error": $0.error.map(JSONValue.string) ?? .null,
                    ]
                }
            ),
            "peakRate": JSONValue(peakRate), "callerPeaks": .string(Self.base64(peaks(of: caller))),
            "agentPeaks": .string(Self.base64(peaks(of: agent))),
            "audio": .string("data:audio/ogg;base64," + Self.base64(recording)),
        ]
    }

    /// Rounds to tenths of a millisecond, which is exact enough for a reader.
    private func number(_ value: Double) -> JSONValue {
        JSONNumber((value * 10).rounded() / 10).map(JSONValue.number) ?? .null
    }

    /// Peaks per second: few enough that long calls are drawn quickly.
    private var peakRate: Int { duration > 600_000 ? 25 : duration > 120_000 ? 50 : 100 }

    /// The loudest sample of each stretch, from 0 to 255. Uses the square root, which shows quiet speech, too.
    private func peaks(of samples: [Int16]) -> [UInt8] {
        let length = 8000 / peakRate
        return stride(from: 0, to: samples.count, by: length).map { begin in
            let peak = samples[begin..<min(samples.count, begin + length)].reduce(0) { max($0, abs(Int($1))) }
            return UInt8(min(255, (Double(peak) / 32768).squareRoot() * 255))
        }
    }

    private static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    /// Encodes both sides as an Ogg Opus file: the caller left, the agent right.
    func recording() throws -> [UInt8] {
        var writer = try OggOpusWriter(sampleRate: 8000, channelCount: 2, serialNumber: 1, bitrate: 40_000)
        var samples: [Int16] = []
        for index in 0..<max(caller.count, agent.count) {
            samples.append(index < caller.count ? caller[index] : 0)
            samples.append(index < agent.count ? agent[index] : 0)
        }
        var bytes = writer.header()
        try writer.append(samples.span, to: &bytes)
        try writer.finish(to: &bytes)
        return bytes
    }
}
