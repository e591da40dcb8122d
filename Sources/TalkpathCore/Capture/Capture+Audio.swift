import TalkpathAudio

extension Capture {
    /// Both sides of the call at 8 kHz, and when the media stream began, since the call began; nil if it never did.
    package var recording: (caller: [Int16], agent: [Int16], beganAt: Duration)? {
        var recording = CallRecording()
        let origin = MonotonicInstant(nanoseconds: 0)
        for record in records {
            guard record.kind == .telephonyIn || record.kind == .telephonyOut, let bytes = record.message?.bytes else {
                continue
            }
            recording.take(record.kind, at: origin + record.at, content: bytes.span.bytes)
        }
        if let last = records.last {
            let nothing: [UInt8] = []
            recording.take(.tick, at: origin + last.at, content: nothing.span.bytes)
        }
        guard let began = recording.beganOn else { return nil }
        let samples = recording.finish()
        return (
            stride(from: 0, to: samples.count, by: 2).map { samples[$0] },
            stride(from: 1, to: samples.count, by: 2).map { samples[$0] },
            began - origin
        )
    }
}
