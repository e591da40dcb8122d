/// The fast path: scans an audio delta.
///
/// `nil` means that the full parser must read the message: another kind of message, escapes, errors.
extension OpenAILiveCodec {
    func scan(_ bytes: UnsafeRawBufferPointer) -> AgentEvent? {
        var fields = DeltaFields()
        var scanner = JSONScanner(bytes)
        do throws(JSONFault) {
            guard try read(&fields, with: &scanner) else { return nil }
        } catch {
            return nil
        }
        guard fields.isAudioDelta, let payload = fields.delta else { return nil }
        return .audio(AgentAudio(item: Self.track, format: format, payload: .inPlace(payload)))
    }

    private struct DeltaFields {
        var isAudioDelta = false
        var delta: Range<Int>?
    }

    /// - Returns: false if this is not an audio delta, or if only the full parser can decide.
    private func read(_ fields: inout DeltaFields, with scanner: inout JSONScanner) throws(JSONFault) -> Bool {
        try scanner.enterObject()
        while let key = try scanner.nextKey() {
            if key.hasEscapes { return false }
            if scanner.equals(key.range, "type") {
                guard let value = try scanner.plainString() else { return false }
                guard scanner.equals(value, "session.output_audio.delta") else { return false }
                fields.isAudioDelta = true
            } else if scanner.equals(key.range, "delta") {
                guard let value = try scanner.plainString() else { return false }
                fields.delta = value
            } else {
                try scanner.skipValue()
            }
        }
        try scanner.finish()
        return true
    }
}
