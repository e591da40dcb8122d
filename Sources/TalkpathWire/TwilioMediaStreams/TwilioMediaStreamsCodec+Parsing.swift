import TalkpathAudio

/// The full path: parses any legal message.
extension TwilioMediaStreamsCodec {
    /// The members that are read from the carrier's messages; the parameters from our call instructions are kept whole.
    static let bounds = JSONBounds(
        keys: [
            "event", "streamSid", "sequenceNumber", "start", "accountSid", "callSid", "mediaFormat", "encoding",
            "sampleRate", "channels", "media", "track", "payload", "timestamp", "mark", "name", "dtmf", "digit",
        ],
        whole: ["customParameters"],
        mostValues: 512
    )

    mutating func receive(parsing message: RawSpan) throws(WireError) -> TelephonyEvent {
        let json = try JSONValue(parsing: message, within: Self.bounds)
        guard json.object != nil else { throw WireError(.malformedMessage, "not an object") }
        guard let event = json["event"]?.string else { throw WireError(.malformedMessage, "event") }
        switch event {
        case "connected": return .connected
        case "start": return try start(json)
        case "media":
            try requireOurStream(json)
            return try media(json)
        case "mark":
            try requireOurStream(json)
            guard let name = json["mark"]?["name"]?.string else { throw WireError(.malformedMessage, "mark.name") }
            return .mark(Array(name.utf8).withUnsafeBufferPointer { PlaybackMark(twilioName: $0) })
        case "dtmf":
            try requireOurStream(json)
            return try dtmf(json)
        case "stop":
            try requireOurStream(json)
            return .stopped
        default:
            return .ignored
        }
    }

    private mutating func start(_ json: JSONValue) throws(WireError) -> TelephonyEvent {
        let start = json["start"]
        guard let identifier = start?["streamSid"]?.string ?? json["streamSid"]?.string, !identifier.isEmpty else {
            throw WireError(.malformedMessage, "start.streamSid")
        }
        if let outer = json["streamSid"]?.string, outer != identifier {
            throw WireError(.wrongStream, "start names two streams")
        }
        if let streamID {
            guard streamID == identifier else { throw WireError(.wrongStream, "start of a second stream") }
            return .ignored
        }
        guard let call = start?["callSid"]?.string else { throw WireError(.malformedMessage, "start.callSid") }
        try requireOurFormat(start?["mediaFormat"])
        let parameters = try parameters(start?["customParameters"])
        started(identifier)
        return .started(
            TelephonyStreamStart(
                streamID: identifier,
                carrierCallID: call,
                accountID: start?["accountSid"]?.string ?? json["accountSid"]?.string ?? "",
                parameters: parameters,
                format: .telephony
            )
        )
    }

    private func requireOurFormat(_ format: JSONValue?) throws(WireError) {
        guard let format, let encoding = format["encoding"]?.string else {
            throw WireError(.malformedMessage, "start.mediaFormat")
        }
        let rate = try count(format["sampleRate"], "start.mediaFormat.sampleRate")
        let channels = try count(format["channels"], "start.mediaFormat.channels")
        guard encoding == "audio/x-mulaw", rate == 8000, channels == 1 else {
            throw WireError(.unsupportedFormat, "start.mediaFormat is not audio/x-mulaw, 8000 Hz, mono")
        }
    }

    private func parameters(_ json: JSONValue?) throws(WireError) -> [String: String] {
        guard let json, !json.isNull else { return [:] }
        guard let members = json.object else { throw WireError(.malformedMessage, "start.customParameters") }
        var parameters: [String: String] = [:]
        for member in members {
            guard let value = member.value.string ?? member.value.number?.text else {
                throw WireError(.malformedMessage, "start.customParameters")
            }
            parameters[member.key] = value
        }
        return parameters
    }

    private func media(_ json: JSONValue) throws(WireError) -> TelephonyEvent {
        let media = json["media"]
        if let track = media?["track"] {
            guard let name = track.string else { throw WireError(.malformedMessage, "media.track") }
            // Only the caller's audio is used; a copy of the audio played to the caller is ignored.
            guard name == "inbound" else { return .ignored }
        }
        guard let payload = media?["payload"]?.string else { throw WireError(.malformedMessage, "media.payload") }
        let audio = WirePayload.unescaped(Array(payload.utf8))
        // The numbers only order the audio, so an unreadable number does not cost the audio.
        let sequence = (try? count(json["sequenceNumber"], "sequenceNumber")) ?? 0
        let timestamp = try? count(media?["timestamp"], "media.timestamp")
        return .media(
            TelephonyMedia(sequence: UInt32(exactly: sequence) ?? 0, timestamp: timestamp, payload: audio)
        )
    }

    private func dtmf(_ json: JSONValue) throws(WireError) -> TelephonyEvent {
        guard let digit = json["dtmf"]?["digit"]?.string?.utf8, digit.count == 1, let key = digit.first else {
            throw WireError(.malformedMessage, "dtmf.digit")
        }
        switch key {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "*"), UInt8(ascii: "#"): return .dtmf(digit: key)
        default: throw WireError(.malformedMessage, "dtmf.digit")
        }
    }

    private func requireOurStream(_ json: JSONValue) throws(WireError) {
        guard streamID != nil else { throw WireError(.wrongStream, "no stream has started") }
        guard let named = json["streamSid"]?.string else { throw WireError(.malformedMessage, "streamSid") }
        // Compares bytes, because Swift treats some strings as equal that differ on the wire.
        guard Array(named.utf8) == streamIDBytes else { throw WireError(.wrongStream) }
    }

    /// An integer, which the carrier writes as a string and others as a number; `nil` if there is none.
    private func count(_ json: JSONValue?, _ field: String) throws(WireError) -> UInt64? {
        switch json {
        case nil, .null: return nil
        case .number(let number):
            if let value = number.int, value >= 0 { return UInt64(value) }
        case .string(let text):
            let isDecimal = !text.isEmpty && text.utf8.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
            if isDecimal, let value = UInt64(text) { return value }
        case .bool, .array, .object: break
        }
        throw WireError(.malformedMessage, field)
    }
}
