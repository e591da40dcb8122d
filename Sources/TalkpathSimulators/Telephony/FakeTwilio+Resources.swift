internal import Foundation
internal import TalkpathAudio
internal import TalkpathWire

enum TwilioAccount {
    /// Twilio shows the token as well; it is not needed here.
    static func json(_ sid: String) -> JSONValue {
        let uri = "/2010-04-01/Accounts/\(sid)"
        func part(_ name: String) -> JSONValue { .string("\(uri)/\(name).json") }
        return [
            "sid": .string(sid), "owner_account_sid": .string(sid), "friendly_name": "Simulated account",
            "status": "active", "type": "Full", "auth_token": "", "date_created": CallResource.date(.distantPast),
            "date_updated": CallResource.date(.distantPast), "uri": .string(uri + ".json"),
            "subresource_uris": [
                "calls": part("Calls"), "recordings": part("Recordings"),
                "incoming_phone_numbers": part("IncomingPhoneNumbers"),
            ],
        ]
    }
}

/// A recording of a call: silence, because its content does not matter here.
struct CallRecording: Sendable {
    var sid: String
    var call: String
    var source: String
    var created = Date()

    func json(account: String, of listing: FakeTwilioCall.Listing?) -> JSONValue {
        let isOver = listing?.record.isOver ?? true
        let uri = "/2010-04-01/Accounts/\(account)/Recordings/\(sid)"
        let seconds = listing?.record.durationSeconds ?? 0
        return [
            "sid": .string(sid), "account_sid": .string(account), "call_sid": .string(call), "conference_sid": nil,
            "api_version": "2010-04-01", "date_created": CallResource.date(created),
            "date_updated": CallResource.date(created), "start_time": CallResource.date(created),
            "duration": isOver ? .string(String(seconds)) : "-1", "price": nil, "price_unit": "USD",
            "status": isOver ? "completed" : "in-progress", "channels": 1, "source": .string(source),
            "error_code": nil, "encryption_details": nil, "uri": .string(uri + ".json"), "media_url": .string(uri),
            "subresource_uris": [:],
        ]
    }
}

/// Accounts, numbers, recordings, and lists of calls.
extension FakeTwilio {
    /// Places a call from a number that the account owns.
    func place(_ request: CallRequest) throws(RESTError) -> FakeTwilioCall {
        let isNumber = request.from.hasPrefix("+")
        if isNumber, !configuration.numbers.isEmpty, !configuration.numbers.contains(request.from) {
            throw .notOwned(request.from)
        }
        return beginOutgoing(request)
    }

    /// A call that was not deleted.
    func listed(_ sid: String) -> FakeTwilioCall? { deleted.contains(sid) ? nil : find(sid) }

    // MARK: Calls

    func listCalls(_ exchange: SimulatorExchange) async throws(RESTError) -> Answer {
        let query = exchange.query
        let known = ["To", "From", "Status", "ParentCallSid", "StartTime", "EndTime", "PageSize", "Page", "PageToken"]
        for field in query.fields {
            let name = field.name.filter { $0 != "<" && $0 != ">" }
            guard known.contains(name) else { throw .invalid(20001, "Unknown parameter: \(field.name)") }
        }
        var entries: [JSONValue] = []
        for call in calls.reversed() where !deleted.contains(call.sid) {
            let one = await call.listing()
            if let to = query["To"], to != one.record.to { continue }
            if let from = query["From"], from != one.record.from { continue }
            if let status = query["Status"], status != one.resource["status"]?.string { continue }
            if query["ParentCallSid"] != nil { continue }
            guard try TwilioPage.holds(query, "StartTime", one.dates.started ?? one.dates.created),
                try TwilioPage.holds(query, "EndTime", one.dates.ended)
            else { continue }
            entries.append(one.resource)
        }
        return try TwilioPage(exchange).answer("calls", entries)
    }

    func deleteCall(_ sid: String, _ exchange: SimulatorExchange) async throws(RESTError) -> Answer {
        guard let call = listed(sid) else { throw .notFound(exchange.path) }
        guard await call.listing().record.isOver else { throw .inProgress }
        deleted.insert(sid)
        return Answer(status: 204)
    }

    // MARK: Numbers

    func listNumbers(_ exchange: SimulatorExchange) throws(RESTError) -> Answer {
        let query = exchange.query
        let numbers = configuration.numbers.filter { number in
            // Twilio finds parts of numbers, too.
            query["PhoneNumber"].map { number.contains($0.filter { $0 != "*" }) } ?? true
        }
        return try TwilioPage(exchange).answer("incoming_phone_numbers", numbers.map { number(of: $0) })
    }

    func fetchNumber(_ sid: String, _ exchange: SimulatorExchange) throws(RESTError) -> Answer {
        let found = configuration.numbers.first { numberSID(of: $0) == sid }
        guard let found else { throw .notFound(exchange.path) }
        return Answer(status: 200, body: number(of: found))
    }

    private func numberSID(of number: String) -> String {
        let digits = number.filter(\.isNumber)
        return "PN" + String(repeating: "0", count: max(0, 32 - digits.count)) + digits
    }

    private func number(of number: String) -> JSONValue {
        let account = configuration.accountSID
        let sid = numberSID(of: number)
        return [
            "sid": .string(sid), "account_sid": .string(account), "phone_number": .string(number),
            "friendly_name": .string(number),
            "capabilities": ["voice": true, "sms": false, "mms": false, "fax": false],
            "api_version": "2010-04-01", "beta": false, "origin": "twilio", "status": "in-use",
            "address_requirements": "none", "voice_url": "", "voice_method": "POST", "status_callback": "",
            "status_callback_method": "POST", "voice_caller_id_lookup": false,
            "date_created": CallResource.date(.distantPast), "date_updated": CallResource.date(.distantPast),
            "uri": .string("/2010-04-01/Accounts/\(account)/IncomingPhoneNumbers/\(sid).json"),
        ]
    }

    // MARK: Recordings

    /// Recordings, newest first: those that were requested with the call appear here.
    private func allRecordings() async -> [(recording: CallRecording, listing: FakeTwilioCall.Listing)] {
        var all: [(CallRecording, FakeTwilioCall.Listing)] = []
        for call in calls.reversed() {
            let listing = await call.listing()
            if listing.isRecorded, !recordings.contains(where: { $0.call == call.sid && $0.source == "OutboundAPI" }) {
                recordings.append(
                    CallRecording(
                        sid: Identifiers.make("RE"),
                        call: call.sid,
                        source: "OutboundAPI",
                        created: listing.dates.started ?? Date()
                    )
                )
            }
            for recording in recordings.reversed() where recording.call == call.sid {
                if !deleted.contains(recording.sid) { all.append((recording, listing)) }
            }
        }
        return all
    }

    private func find(recording sid: String, _ path: String) async throws(RESTError)
        -> (recording: CallRecording, listing: FakeTwilioCall.Listing)
    {
        guard let found = await allRecordings().first(where: { $0.recording.sid == sid }) else { throw .notFound(path) }
        return found
    }

    func listRecordings(of call: String?, _ exchange: SimulatorExchange) async throws(RESTError) -> Answer {
        let wanted = call ?? exchange.query["CallSid"]
        var entries: [JSONValue] = []
        for (recording, listing) in await allRecordings() where wanted == nil || recording.call == wanted {
            guard try TwilioPage.holds(exchange.query, "DateCreated", recording.created) else { continue }
            entries.append(recording.json(account: configuration.accountSID, of: listing))
        }
        return try TwilioPage(exchange).answer("recordings", entries)
    }

    func startRecording(of sid: String, _ exchange: SimulatorExchange) async throws(RESTError) -> Answer {
        guard let call = listed(sid) else { throw .notFound(exchange.path) }
        let listing = await call.listing()
        guard listing.record.status == "in-progress" else {
            throw .invalid(21220, "Requested resource is not eligible for recording")
        }
        let recording = CallRecording(sid: Identifiers.make("RE"), call: sid, source: "StartCallRecordingAPI")
        recordings.append(recording)
        return Answer(status: 201, body: recording.json(account: configuration.accountSID, of: listing))
    }

    func fetchRecording(_ sid: String, _ exchange: SimulatorExchange) async throws(RESTError) -> Answer {
        let (recording, listing) = try await find(recording: sid, exchange.path)
        return Answer(status: 200, body: recording.json(account: configuration.accountSID, of: listing))
    }

    func sound(of sid: String, _ exchange: SimulatorExchange) async throws(RESTError) -> Answer {
        let (_, listing) = try await find(recording: sid, exchange.path)
        guard listing.record.isOver else { throw .notFound(exchange.path) }
        let seconds = min(listing.record.durationSeconds ?? 0, 600)
        return Answer(status: 200, sound: Self.silence(seconds: seconds))
    }

    func deleteRecording(_ sid: String, _ exchange: SimulatorExchange) async throws(RESTError) -> Answer {
        let (_, listing) = try await find(recording: sid, exchange.path)
        guard listing.record.isOver else { throw .inProgress }
        deleted.insert(sid)
        return Answer(status: 204)
    }

    /// A WAV file of 8 kHz and 16 bit.
    private static func silence(seconds: Int) -> [UInt8] {
        let bytes = seconds * 16_000
        func little(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
        let format =
            little(16, 4) + little(1, 2) + little(1, 2) + little(8000, 4) + little(16_000, 4)
            + little(2, 2) + little(16, 2)
        return Array("RIFF".utf8) + little(36 + bytes, 4) + Array("WAVEfmt ".utf8) + format + Array("data".utf8)
            + little(bytes, 4) + [UInt8](repeating: 0, count: bytes)
    }
}
