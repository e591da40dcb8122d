/// The fast path: scans a message with one part of audio and nothing else, within a turn that has begun.
///
/// `nil` means that the full parser must read the message.
extension GeminiLiveCodec {
    func scan(_ bytes: UnsafeRawBufferPointer) -> AgentEvent? {
        guard let turn = turns.open, !turn.hasAudioEnded, !turns.isStale else { return nil }
        let item = turn.item
        var scanner = JSONScanner(bytes)
        var part = AudioPart()
        do throws(JSONFault) {
            guard try readMessage(&part, with: &scanner) else { return nil }
        } catch {
            return nil
        }
        guard let data = part.data, let type = part.mimeType else { return nil }
        let text = UnsafeBufferPointer(start: scanner.start + type.lowerBound, count: type.count)
        guard case .audio(let format) = GeminiMIMEType(text) else { return nil }
        return .audio(AgentAudio(item: item, format: format, payload: .inPlace(data)))
    }

    private struct AudioPart {
        var mimeType: Range<Int>?
        var data: Range<Int>?
    }

    private func readMessage(_ part: inout AudioPart, with scanner: inout JSONScanner) throws(JSONFault) -> Bool {
        guard try enterOnlyMember("serverContent", of: &scanner) else { return false }
        guard try enterOnlyMember("modelTurn", of: &scanner) else { return false }
        try scanner.enterObject()
        var hasParts = false
        while let key = try scanner.nextKey() {
            if key.hasEscapes { return false }
            if scanner.equals(key.range, "parts") {
                guard !hasParts, try readParts(&part, with: &scanner) else { return false }
                hasParts = true
            } else {
                // The role, or another member without effect.
                try scanner.skipValue()
            }
        }
        guard hasParts else { return false }
        // Leaves the objects of modelTurn and serverContent; neither, nor the message, may hold anything else.
        if try scanner.nextKey() != nil { return false }
        if try scanner.nextKey() != nil { return false }
        try scanner.finish()
        return true
    }

    /// Enters an object whose first key must be `name`.
    private func enterOnlyMember(_ name: StaticString, of scanner: inout JSONScanner) throws(JSONFault) -> Bool {
        guard try scanner.kind() == .object else { return false }
        try scanner.enterObject()
        guard let key = try scanner.nextKey(), !key.hasEscapes else { return false }
        return scanner.equals(key.range, name)
    }

    private func readParts(_ part: inout AudioPart, with scanner: inout JSONScanner) throws(JSONFault) -> Bool {
        guard try scanner.kind() == .array else { return false }
        try scanner.enterArray()
        guard try scanner.nextElement() else { return false }
        guard try enterOnlyMember("inlineData", of: &scanner), try scanner.kind() == .object else { return false }
        try scanner.enterObject()
        while let key = try scanner.nextKey() {
            if key.hasEscapes { return false }
            if scanner.equals(key.range, "mimeType") {
                guard let value = try scanner.plainString() else { return false }
                part.mimeType = value
            } else if scanner.equals(key.range, "data") {
                guard let value = try scanner.plainString() else { return false }
                part.data = value
            } else {
                try scanner.skipValue()
            }
        }
        if try scanner.nextKey() != nil { return false }
        return try !scanner.nextElement()
    }
}
