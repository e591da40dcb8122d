import TalkpathAudio

extension Capture {
    /// Both sides of the call at 8 kHz, and the time from the call's start to the media stream's; `nil` if no stream
    /// began.
    package var recording: (caller: [Int16], agent: [Int16], beganAt: Duration)? {
        var recording = CallRecording()
        let origin = MonotonicInstant(nanoseconds: 0)
        // A call ticks all the time, so a long pause means a damaged capture. Limits the silence that such a pause
        // gives.
        var (last, skipped) = (Duration.zero, Duration.zero)
        func time(_ record: CaptureRecord) -> MonotonicInstant {
            skipped += max(.zero, record.at - last - Self.longestPause)
            last = max(last, record.at)
            return origin + max(.zero, record.at - skipped)
        }
        for record in records {
            let at = time(record)
            guard record.kind == .telephonyIn || record.kind == .telephonyOut, let bytes = record.message?.bytes else {
                continue
            }
            recording.take(record.kind, at: at, content: bytes.span.bytes)
        }
        if let last = records.last {
            let nothing: [UInt8] = []
            recording.take(.tick, at: time(last), content: nothing.span.bytes)
        }
        guard let began = recording.beganOn else { return nil }
        let samples = recording.finish()
        return (
            stride(from: 0, to: samples.count, by: 2).map { samples[$0] },
            stride(from: 1, to: samples.count, by: 2).map { samples[$0] },
            began - origin
        )
    }

    private static let longestPause = Duration.seconds(60)
}
