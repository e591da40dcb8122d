/// The fast path: scans an audio delta of a known item.
///
/// `nil` means that the full parser must read the message: another kind of message, a new item, escapes, errors.
extension OpenAIRealtimeCodec {
    func scan(_ bytes: UnsafeRawBufferPointer) -> AgentEvent? {
        var fields = DeltaFields()
        var scanner = JSONScanner(bytes)
        do throws(JSONFault) {
            guard try read(&fields, with: &scanner) else { return nil }
        } catch {
            return nil
        }
        guard fields.isAudioDelta, let name = fields.itemID, let payload = fields.delta,
            let contentIndex = Int(exactly: fields.contentIndex),
            let item = items.recent(scanner, name, contentIndex: contentIndex)
        else { return nil }
        return .audio(AgentAudio(item: item, format: outputFormat, payload: .inPlace(payload)))
    }

    private struct DeltaFields {
        var isAudioDelta = false
        var itemID: Range<Int>?
        var contentIndex: UInt64 = 0
        var delta: Range<Int>?
    }

    /// - Returns: false if this is not an audio delta, or if only the full parser can decide.
    private func read(_ fields: inout DeltaFields, with scanner: inout JSONScanner) throws(JSONFault) -> Bool {
        try scanner.enterObject()
        while let key = try scanner.nextKey() {
            if key.hasEscapes { return false }
            if scanner.equals(key.range, "type") {
                guard let value = try scanner.plainString() else { return false }
                guard scanner.equals(value, "response.output_audio.delta") else { return false }
                fields.isAudioDelta = true
            } else if scanner.equals(key.range, "item_id") {
                guard let value = try scanner.plainString() else { return false }
                fields.itemID = value
            } else if scanner.equals(key.range, "content_index") {
                guard try scanner.kind() == .number else { return false }
                guard let value = scanner.decimal(try scanner.number()) else { return false }
                fields.contentIndex = value
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
