import TalkpathAudio
import TalkpathWire

/// The call as it stands.
extension CallSession {
    public func snapshot() -> CallSnapshot {
        snapshot(with: receipt)
    }

    func snapshot(with receipt: EndReceipt?) -> CallSnapshot {
        let now = ports.clock.now
        return CallSnapshot(
            id: id,
            direction: direction,
            status: receipt?.status ?? machine.status,
            from: parties.from,
            to: parties.to,
            carrierCallID: carrierCallID,
            agent: agentOfRecord,
            metadata: parties.metadata,
            variables: parties.variables,
            publicURL: parties.publicURL,
            tenant: parties.tenant,
            startedAt: machine.startedAt,
            answeredAt: machine.answeredAt,
            endedAt: receipt?.endedAt,
            duration: receipt?.duration ?? (now - startedOn),
            transcript: transcript.turns,
            metrics: metrics(),
            agentParts: machine.agentParts,
            answeredBy: answeredBy,
            loopScore: guards.loop?.score,
            receipt: receipt,
            cost: receipt == nil ? machine.cost(at: now) : nil
        )
    }

    func callMilliseconds(at now: MonotonicInstant) -> Int {
        (now - startedOn).wholeMilliseconds
    }

    /// Publishes the counts since the last time to the instruments. On the loop; once a second, and at the end.
    package func reportCounts() {
        let counted = metrics()
        ports.instruments.add(counted, since: reportedMetrics)
        reportedMetrics = counted
        loggedFaults.logFirst(of: media.value, to: logger)
    }

    private func metrics() -> CallMetrics {
        let media = media.value
        let (up, down) = (media.uplink.counters, media.downlink.counters)
        var metrics = CallMetrics()
        metrics.framesFromCaller = up.frames
        metrics.bytesFromCaller = up.bytes
        metrics.bytesToAgent = up.bytesToAgent
        metrics.bytesFromAgent = down.bytesFromAgent
        metrics.framesToCaller = down.frames
        metrics.bytesToCaller = down.bytes
        metrics.interruptions = down.interruptions
        metrics.flushedMilliseconds = down.flushedBytes / media.downlink.format.bytesPerMillisecond
        metrics.gaps = up.gaps
        metrics.filledMilliseconds = up.filledMilliseconds
        metrics.duplicateFrames = up.duplicates
        metrics.outliers = up.outliers
        metrics.resynchronisations = up.resynchronisations
        metrics.droppedMilliseconds =
            up.droppedBytes / media.uplink.format.bytesPerMillisecond
            + down.droppedBytes / media.downlink.format.bytesPerMillisecond + media.counters.unreadMilliseconds
        metrics.badMessages =
            media.counters.badTelephonyMessages + media.counters.badAgentMessages + up.badPayloads + down.badPayloads
        metrics.underruns = down.underruns
        metrics.failedResponses = talk.failedResponses
        metrics.longestUplinkWaitMilliseconds = up.longestWaitMilliseconds
        metrics.longestBacklogMilliseconds = down.longestBacklogBytes / media.downlink.format.bytesPerMillisecond
        metrics.turnLatency = LatencySummary(media.turns.latency)
        metrics.clearLatency = LatencySummary(media.clearing)
        metrics.usage = machine.usage
        return metrics
    }
}
