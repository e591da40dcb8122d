/// The fast path: scans `media` and `mark` messages.
///
/// It returns an event only if it has understood everything relevant. `nil` means that the full parser must read the
/// message, not that the message is wrong. The full parser also finds and names all errors.
extension TwilioMediaStreamsCodec {
    func scan(_ bytes: UnsafeRawBufferPointer) -> TelephonyEvent? {
        guard streamID != nil else { return nil }
        var fields = Fields()
        var scanner = JSONScanner(bytes)
        do throws(JSONFault) {
            guard try read(&fields, with: &scanner) else { return nil }
        } catch {
            return nil
        }
        guard fields.isOurStream else { return nil }
        switch fields.event {
        case .media:
            guard let payload = fields.payload else { return nil }
            let sequence = UInt32(exactly: fields.sequence) ?? 0
            return .media(TelephonyMedia(sequence: sequence, timestamp: fields.timestamp, payload: .inPlace(payload)))
        case .mark:
            guard let name = fields.markName else { return nil }
            let text = UnsafeBufferPointer(start: scanner.start + name.lowerBound, count: name.count)
            return .mark(PlaybackMark(twilioName: text))
        case .other:
            return nil
        }
    }

    private struct Fields {
        enum Event {
            case media, mark, other
        }
        var event = Event.other
        var isOurStream = false
        var sequence: UInt64 = 0
        var timestamp: UInt64?
        var payload: Range<Int>?
        var markName: Range<Int>?
    }

    /// - Returns: false if only the full parser can decide.
    private func read(_ fields: inout Fields, with scanner: inout JSONScanner) throws(JSONFault) -> Bool {
        try scanner.enterObject()
        while let key = try scanner.nextKey() {
            if key.hasEscapes { return false }
            if scanner.equals(key.range, "event") {
                guard let value = try scanner.plainString() else { return false }
                if scanner.equals(value, "media") {
                    fields.event = .media
                } else if scanner.equals(value, "mark") {
                    fields.event = .mark
                } else {
                    return false
                }
            } else if scanner.equals(key.range, "streamSid") {
                guard let value = try scanner.plainString() else { return false }
                fields.isOurStream = scanner.equals(value, streamIDBytes)
            } else if scanner.equals(key.range, "sequenceNumber") {
                guard let value = try scanner.plainCount() else { return false }
                fields.sequence = value
            } else if scanner.equals(key.range, "media") {
                guard try readMedia(&fields, with: &scanner) else { return false }
            } else if scanner.equals(key.range, "mark") {
                guard try readMark(&fields, with: &scanner) else { return false }
            } else {
                try scanner.skipValue()
            }
        }
        try scanner.finish()
        return true
    }

    private func readMedia(_ fields: inout Fields, with scanner: inout JSONScanner) throws(JSONFault) -> Bool {
        guard try scanner.kind() == .object else { return false }
        // If the key occurs twice, the last object counts, as a whole.
        fields.payload = nil
        fields.timestamp = nil
        try scanner.enterObject()
        while let key = try scanner.nextKey() {
            if key.hasEscapes { return false }
            if scanner.equals(key.range, "payload") {
                guard let value = try scanner.plainString() else { return false }
                fields.payload = value
            } else if scanner.equals(key.range, "timestamp") {
                guard let value = try scanner.plainCount() else { return false }
                fields.timestamp = value
            } else if scanner.equals(key.range, "track") {
                guard let value = try scanner.plainString(), scanner.equals(value, "inbound") else { return false }
            } else {
                try scanner.skipValue()
            }
        }
        return true
    }

    private func readMark(_ fields: inout Fields, with scanner: inout JSONScanner) throws(JSONFault) -> Bool {
        guard try scanner.kind() == .object else { return false }
        fields.markName = nil
        try scanner.enterObject()
        while let key = try scanner.nextKey() {
            if key.hasEscapes { return false }
            if scanner.equals(key.range, "name") {
                guard let value = try scanner.plainString() else { return false }
                fields.markName = value
            } else {
                try scanner.skipValue()
            }
        }
        return true
    }
}
