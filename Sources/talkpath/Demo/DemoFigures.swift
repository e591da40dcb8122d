import TalkpathAudio
import TalkpathCore
import TalkpathSimulators

/// The spread of some durations, in milliseconds.
struct Spread: Codable, Equatable {
    var count: Int
    var p50: Double
    var p95: Double
    var p99: Double
    var maximum: Double

    init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        func quantile(_ share: Double) -> Double {
            sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
        }
        count = sorted.count
        p50 = quantile(0.5)
        p95 = quantile(0.95)
        p99 = quantile(0.99)
        maximum = sorted[sorted.count - 1]
    }
}

/// Figures measured from outside the bridge: both simulators stamp what they send and receive on the same clock. Turn
/// latency and silence after a barge-in are those of the call's page, so that the two agree.
struct DemoFigures: Codable {
    /// From a frame leaving the carrier until the model has all of it.
    var uplinkMilliseconds: Spread?
    /// From the first audio of an answer leaving the model until the carrier has some of it.
    var downlinkMilliseconds: Spread?
    /// The delay that the resampling filters add to the sound itself, both ways together; no clock shows it.
    var filterMilliseconds: Double
    /// From the caller's last sound until the agent's first sound, the model's thinking included.
    var turnLatencyMilliseconds: [Double]
    /// From the model noticing the caller until the carrier was told to clear.
    var bargeInToClearMilliseconds: [Double]
    /// From the caller's first sound of an interruption until the agent's last sound.
    var bargeInToSilenceMilliseconds: [Double]
    var framesFromCaller: Int
    var framesToCaller: Int
    var callerMilliseconds: Int
    var agentHeardMilliseconds: Int
    var heardAgainstBelieved: [Hearing]

    /// One interrupted utterance: what the ear says, and what the bridge and the model say.
    struct Hearing: Codable {
        var item: String
        var producedMilliseconds: Int
        var heardMilliseconds: Int
        /// What the bridge put on record.
        var recordedMilliseconds: Int?
        /// What the model was told, where its protocol has a way to tell.
        var believedMilliseconds: Int?
    }
}

extension DemoFigures {
    init(stream: MediaStreamRecord, agent: AgentRecord, call: CallFacts, picture: CallPicture) {
        uplinkMilliseconds = Spread(Self.uplink(stream, agent))
        downlinkMilliseconds = Spread(Self.downlink(stream, agent))
        filterMilliseconds =
            Self.filterDelay(from: .telephony, to: agent.inputFormat)
            + Self.filterDelay(from: agent.outputFormat, to: .telephony)
        turnLatencyMilliseconds = picture.latencies
        bargeInToClearMilliseconds = Self.bargeIns(stream, agent)
        bargeInToSilenceMilliseconds = picture.silences
        framesFromCaller = stream.framesSent.count
        framesToCaller = stream.mediaReceived.count
        callerMilliseconds = stream.said.count / 8
        agentHeardMilliseconds = stream.playedBytes / 8
        heardAgainstBelieved = Self.hearings(stream, agent, call)
    }

    /// Frames sent before the model was ready waited in the bridge on purpose and are left out.
    private static func uplink(_ stream: MediaStreamRecord, _ agent: AgentRecord) -> [Double] {
        guard let ready = agent.readyAt else { return [] }
        var latencies: [Double] = []
        var arrival = agent.arrivals.startIndex
        for frame in stream.framesSent where frame.instant > ready {
            while arrival < agent.arrivals.endIndex,
                agent.arrivals[arrival].cumulativeMilliseconds < frame.cumulativeMilliseconds
            {
                arrival += 1
            }
            guard arrival < agent.arrivals.endIndex else { break }
            latencies.append(agent.arrivals[arrival].instant.milliseconds(since: frame.instant))
        }
        return latencies
    }

    private static func downlink(_ stream: MediaStreamRecord, _ agent: AgentRecord) -> [Double] {
        agent.items.compactMap { item in
            guard let first = item.sent.first?.instant,
                let media = stream.mediaReceived.first(where: { $0.instant >= first })
            else { return nil }
            return media.instant.milliseconds(since: first)
        }
    }

    private static func filterDelay(from input: AudioFormat, to output: AudioFormat) -> Double {
        guard let resampler = try? Resampler(from: input.sampleRate, to: output.sampleRate) else { return 0 }
        return resampler.latency.milliseconds
    }

    private static func bargeIns(_ stream: MediaStreamRecord, _ agent: AgentRecord) -> [Double] {
        stream.clears.compactMap { clear in
            agent.callerTurns.last { $0.startedAt <= clear.instant }.map {
                clear.instant.milliseconds(since: $0.startedAt)
            }
        }
    }

    /// At each `clear`, the carrier had played what it got since the utterance began, less what it threw away. The
    /// utterance was cut short if that is less than the model made of it.
    private static func hearings(_ stream: MediaStreamRecord, _ agent: AgentRecord, _ call: CallFacts) -> [Hearing] {
        stream.clears.compactMap { clear in
            guard let item = agent.items.last(where: { ($0.sent.first?.instant ?? clear.instant) < clear.instant }),
                let first = item.sent.first?.instant
            else { return nil }
            let before = stream.mediaReceived.last { $0.instant < first }?.cumulativeBytes ?? 0
            let at = stream.mediaReceived.last { $0.instant <= clear.instant }?.cumulativeBytes ?? 0
            let heard = (at - before) / 8 - clear.discardedMilliseconds
            let produced = item.producedBytes / agent.outputFormat.bytesPerMillisecond
            guard heard < produced else { return nil }
            return Hearing(
                item: item.id,
                producedMilliseconds: produced,
                heardMilliseconds: heard,
                recordedMilliseconds: call.transcript.first { $0.heardMilliseconds != nil }?.heardMilliseconds,
                believedMilliseconds: agent.truncations.first { $0.itemID == item.id }?.audioEndMilliseconds
            )
        }
    }
}

/// What the control API says about the call.
struct CallFacts {
    struct Turn: Codable {
        var role: String
        var text: String
        var milliseconds: Int
        var heardMilliseconds: Int?
    }

    var transcript: [Turn]
}
