import TalkpathAudio
import TalkpathCore
import TalkpathSimulators

/// Figures measured from outside the bridge: both simulators stamp what they send and receive on the same clock. Turn
/// latency is that of the call's page, so that the two agree.
struct DemoMetrics: Codable {
    /// From the carrier sending a frame until the model has received all of it.
    var uplinkMilliseconds: Spread?
    /// From the model sending the first audio of an answer until the carrier has received some of it.
    var downlinkMilliseconds: Spread?
    /// The delay that the resampling filters add to the sound, both directions together. No clock shows it.
    var filterMilliseconds: Double
    /// From the caller's last sound to the agent's first sound, including the model's thinking time.
    var turnLatencyMilliseconds: [Double]
    /// From the model noticing the caller until the carrier was told to clear.
    var bargeInToClearMilliseconds: [Double]
    /// From the caller's first sound of an interruption until the line was cleared and no more of the agent was played.
    var bargeInToSilenceMilliseconds: [Double]
    var framesFromCaller: Int
    var framesToCaller: Int
    var callerMilliseconds: Int
    var agentHeardMilliseconds: Int
    var heardAgainstBelieved: [Hearing]

    /// One interrupted utterance: the figures of the simulated caller, of the bridge and of the model.
    struct Hearing: Codable {
        var item: String
        var producedMilliseconds: Int
        var heardMilliseconds: Int
        /// The milliseconds in the call's record.
        var recordedMilliseconds: Int?
        /// The milliseconds that the model was told, if its protocol has a message for that.
        var believedMilliseconds: Int?
    }
}

extension DemoMetrics {
    /// - Parameter isContinuous: the model hears silence besides the caller's audio, and is never cleared.
    init(
        stream: MediaStreamRecord,
        agent: AgentRecord,
        call: CallTranscript,
        picture: CallPicture,
        isContinuous: Bool = false
    ) {
        uplinkMilliseconds = isContinuous ? nil : Spread(Self.uplink(stream, agent))
        downlinkMilliseconds = Spread(Self.downlink(stream, agent))
        filterMilliseconds =
            Self.filterDelay(from: .telephony, to: agent.inputFormat)
            + Self.filterDelay(from: agent.outputFormat, to: .telephony)
        turnLatencyMilliseconds = picture.latencies
        bargeInToClearMilliseconds = isContinuous ? [] : Self.bargeIns(stream, agent)
        bargeInToSilenceMilliseconds = isContinuous ? [] : Self.silences(stream)
        framesFromCaller = stream.framesSent.count
        framesToCaller = stream.mediaReceived.count
        callerMilliseconds = stream.said.count / 8
        agentHeardMilliseconds = stream.playedBytes / 8
        heardAgainstBelieved = isContinuous ? [] : Self.hearings(stream, agent, call)
    }

    /// Returns the latencies of the uplink. Frames that the bridge held back until the model was ready are left out.
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

    private static func silences(_ stream: MediaStreamRecord) -> [Double] {
        stream.clears.compactMap { clear in
            let spoke = stream.moments.last(where: { moment in
                if case .startedTurn = moment.event { return moment.instant <= clear.instant }
                return false
            })
            return spoke.map { clear.instant.milliseconds(since: $0.instant) }
        }
    }

    /// Compares each `clear` with the audio before it. By then the carrier had played the utterance's audio except the
    /// part that it dropped. The utterance was cut short if that is less than the model produced.
    private static func hearings(_ stream: MediaStreamRecord, _ agent: AgentRecord, _ call: CallTranscript) -> [Hearing]
    {
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

/// The call as the control API describes it.
struct CallTranscript {
    struct Turn: Codable {
        var role: String
        var text: String
        var milliseconds: Int
        var heardMilliseconds: Int?
    }

    var transcript: [Turn]
}
