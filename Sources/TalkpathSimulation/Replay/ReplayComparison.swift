import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// Compares the recorded and the replayed messages and events of a call.
struct ReplayComparison {
    /// The most differences to report for one place.
    var limit = 20
    /// The allowed difference of the receipt's times, which come from later clock reads.
    var tolerance = Duration.milliseconds(5)
    private(set) var differences: [ReplayDifference] = []

    mutating func compare(_ recorded: [CaptureRecord], with replayed: [CaptureRecord]) {
        compareMessages(.telephonyOut, .toCarrier, recorded, replayed)
        compareMessages(.agentOut, .toAgent, recorded, replayed)
        compareMessages(.agentAudioOut, .toAgent, recorded, replayed)
        compareEvents(recorded, replayed)
        compareReceipts(recorded, replayed)
    }

    // MARK: Messages

    private mutating func compareMessages(
        _ kind: CaptureRecord.Kind,
        _ place: ReplayDifference.Place,
        _ recorded: [CaptureRecord],
        _ replayed: [CaptureRecord]
    ) {
        let old = recorded.filter { $0.kind == kind }
        let new = replayed.filter { $0.kind == kind }
        var steps = ReplayAlignment(
            old.count,
            new.count,
            areSame: { Self.areSame(old[$0], new[$1]) },
            areAlike: { Self.areAlike(old[$0], new[$1]) }
        )
        var left = limit
        var playedBytes = 0
        var lastOld = 0
        while left > 0, let step = steps.next() {
            switch step {
            case .both(let i, let j):
                for index in lastOld..<i { playedBytes += old[index].message?.audioByteCount ?? 0 }
                lastOld = i
                left -= compare(old[i], new[j], place, i, audioBefore: playedBytes)
            case .missing(let i):
                left -= 1
                note(place, old[i].at, i, "message", Self.summary(old[i]), "nothing")
            case .added(let j):
                left -= 1
                note(place, new[j].at, j, "message", "nothing", Self.summary(new[j]))
            }
        }
    }

    /// - Returns: the number of differences reported.
    private mutating func compare(
        _ old: CaptureRecord,
        _ new: CaptureRecord,
        _ place: ReplayDifference.Place,
        _ number: Int,
        audioBefore: Int
    ) -> Int {
        let before = differences.count
        if Self.isElsewhen(old, new) {
            note(place, old.at, number, "time", "\(old.at.milliseconds) ms", "\(new.at.milliseconds) ms")
        }
        guard let left = old.message, let right = new.message, left != right, left != right.digested else {
            return differences.count - before
        }
        let texts = (try? JSONValue(parsing: left.text), try? JSONValue(parsing: right.text))
        if left.text != right.text {
            if case (let one?, let other?) = texts {
                let fields = Self.differingFields(one, other, at: "$").filter { !Self.ofTheWorld.contains($0.0) }
                for (path, a, b) in fields.prefix(4) {
                    note(place, old.at, number, path, a, b)
                }
            } else {
                note(place, old.at, number, "text", Self.summary(old), Self.summary(new))
            }
        }
        compareAudio(left, right, place, old.at, number, audioBefore)
        return differences.count - before
    }

    /// Members that captures leave out of a socket agent's messages, or that depend on later clock reads.
    private static let ofTheWorld: Set = [
        "$.from", "$.to", "$.metadata", "$.variables", "$.duration_ms", "$.talking_ms",
    ]

    private mutating func compareAudio(
        _ left: CaptureMessage,
        _ right: CaptureMessage,
        _ place: ReplayDifference.Place,
        _ at: Duration,
        _ number: Int,
        _ before: Int
    ) {
        if left.audioByteCount != right.audioByteCount {
            note(place, at, number, "audio length", "\(left.audioByteCount) bytes", "\(right.audioByteCount) bytes")
        }
        guard case .bytes(let one) = left.audio, case .bytes(let other) = right.audio else {
            if left.audio != right.audio, left.audio != right.digested.audio {
                note(place, at, number, "audio (byte \(before) on)", "another digest", "another sound")
            }
            return
        }
        guard let first = zip(one, other).enumerated().first(where: { $1.0 != $1.1 })?.offset else { return }
        let differing = zip(one, other).reduce(0) { $0 + ($1.0 == $1.1 ? 0 : 1) }
        note(
            place,
            at,
            number,
            "audio from byte \(first) on (byte \(before + first) of all audio), \(differing) of \(one.count) bytes",
            "\(one[first])",
            "\(other[first])"
        )
    }

    /// True for equal bytes at the same time. In silence only the time distinguishes one frame from the next.
    private static func areSame(_ old: CaptureRecord, _ new: CaptureRecord) -> Bool {
        guard !isElsewhen(old, new), let left = old.message, let right = new.message else { return false }
        guard case .digest = left.audio else { return left == right }
        return left.prefix == right.prefix && left.suffix == right.suffix && left == right.digested
    }

    private static func isElsewhen(_ old: CaptureRecord, _ new: CaptureRecord) -> Bool {
        let late = new.at - old.at
        return late > .milliseconds(1) || late < .milliseconds(-1)
    }

    /// True if both may be the same message, possibly changed.
    private static func areAlike(_ old: CaptureRecord, _ new: CaptureRecord) -> Bool {
        guard let left = old.message, let right = new.message else { return false }
        return kindOfMessage(left) == kindOfMessage(right)
    }

    /// The start of a message, which distinguishes the kinds of messages.
    private static func kindOfMessage(_ message: CaptureMessage) -> ArraySlice<UInt8> {
        message.prefix.prefix(while: { $0 != UInt8(ascii: ",") }).prefix(64)
    }

    private static func summary(_ record: CaptureRecord) -> String {
        guard let message = record.message else { return "nothing" }
        let text = String(decoding: message.prefix.prefix(90), as: UTF8.self)
        let audio = message.audioByteCount
        return audio > 0 ? "\(text)… (\(audio) bytes of audio)" : text
    }

    static func differingFields(
        _ left: JSONValue,
        _ right: JSONValue,
        at path: String
    ) -> [(path: String, left: String, right: String)] {
        guard left != right else { return [] }
        switch (left, right) {
        case (.object(let old), .object(let new)):
            let names = old.map(\.key) + new.map(\.key).filter { name in !old.contains { $0.key == name } }
            return names.flatMap { name -> [(path: String, left: String, right: String)] in
                let below = path + "." + name
                switch (left[name], right[name]) {
                case (let a?, let b?): return differingFields(a, b, at: below)
                case (let a?, nil): return [(below, shortened(a), "nothing")]
                case (nil, let b?): return [(below, "nothing", shortened(b))]
                case (nil, nil): return []
                }
            }
        case (.array(let old), .array(let new)) where old.count == new.count:
            return old.indices.flatMap { differingFields(old[$0], new[$0], at: "\(path)[\($0)]") }
        default:
            return [(path, shortened(left), shortened(right))]
        }
    }

    private static func shortened(_ value: JSONValue) -> String {
        let text = value.serializedText()
        return text.count > 120 ? text.prefix(117) + "…" : text
    }

    // MARK: Events and receipt

    private mutating func compareEvents(_ recorded: [CaptureRecord], _ replayed: [CaptureRecord]) {
        let old = Self.events(recorded)
        let new = Self.events(replayed)
        var steps = ReplayAlignment(
            old.count,
            new.count,
            areSame: { old[$0].name == new[$1].name && old[$0].detail == new[$1].detail },
            areAlike: { old[$0].name == new[$1].name }
        )
        var left = limit
        while left > 0, let step = steps.next() {
            switch step {
            case .both(let i, let j):
                guard old[i].detail != new[j].detail else { continue }
                note(.event, old[i].at, i, old[i].name, old[i].detail ?? "nothing", new[j].detail ?? "nothing")
            case .missing(let i):
                note(.event, old[i].at, i, old[i].name, old[i].detail ?? "published", "not published")
            case .added(let j):
                note(.event, new[j].at, j, new[j].name, "not published", new[j].detail ?? "published")
            }
            left -= 1
        }
    }

    private static func events(_ records: [CaptureRecord]) -> [(name: String, detail: String?, at: Duration)] {
        records.compactMap { record in
            guard case .published(let name, let detail)? = record.event else { return nil }
            return (name, detail, record.at)
        }
    }

    private mutating func compareReceipts(_ recorded: [CaptureRecord], _ replayed: [CaptureRecord]) {
        func receipt(_ records: [CaptureRecord]) -> (CaptureReceipt, Duration)? {
            for record in records {
                if case .ended(let receipt)? = record.event { return (receipt, record.at) }
            }
            return nil
        }
        switch (receipt(recorded), receipt(replayed)) {
        case ((let old, let at)?, (let new, _)?):
            for (path, a, b) in Self.differingFields(old.json, new.json, at: "receipt") {
                if let left = Double(a), let right = Double(b), path.hasSuffix("ms"),
                    abs(left - right) <= tolerance.milliseconds
                {
                    continue
                }
                note(.receipt, at, 0, path, a, b)
            }
        case ((let old, let at)?, nil):
            note(.receipt, at, 0, "receipt", old.reason, "the call did not end")
        case (nil, (let new, let at)?):
            note(.receipt, at, 0, "receipt", "the call did not end", new.reason)
        case (nil, nil):
            break
        }
    }

    private mutating func note(
        _ place: ReplayDifference.Place,
        _ at: Duration,
        _ number: Int,
        _ field: String,
        _ recorded: String,
        _ replayed: String
    ) {
        differences.append(
            ReplayDifference(place: place, at: at, number: number, field: field, recorded: recorded, replayed: replayed)
        )
    }
}
