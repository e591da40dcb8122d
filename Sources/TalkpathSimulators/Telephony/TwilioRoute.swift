/// The resource that a request to the REST interface names.
enum TwilioRoute {
    case createCall
    case updateCall(String)
    case fetchCall(String)
    case deleteCall(String)
    case listCalls
    case listAccounts
    case fetchAccount
    case listNumbers
    case fetchNumber(String)
    case listRecordings(call: String?)
    case startRecording(call: String)
    case fetchRecording(String)
    /// The recording itself.
    case sound(String)
    case deleteRecording(String)

    /// nil if there is nothing at that address.
    init?(_ method: String, _ path: String, account: String) {
        let parts = path.split(separator: "/").map(String.init)
        guard parts.count >= 2, parts[0] == "2010-04-01" else { return nil }
        // `.json` ends every path but that of a recording's sound.
        let isJSON = path.hasSuffix(".json")
        var names = Array(parts.dropFirst())
        if isJSON { names[names.count - 1].removeLast(5) }
        guard names[0] == "Accounts" else { return nil }
        guard names.count > 1 else {
            guard method == "GET", isJSON else { return nil }
            self = .listAccounts
            return
        }
        guard names[1] == account else { return nil }
        names.removeFirst(2)
        if !isJSON {
            guard method == "GET", names.count == 2, names[0] == "Recordings" else { return nil }
            self = .sound(names[1].hasSuffix(".wav") ? String(names[1].dropLast(4)) : names[1])
            return
        }
        // Below a call stand its recordings, which may be named without it as well.
        var call: String?
        if names.count >= 3, names[0] == "Calls", names[2] == "Recordings" {
            call = names[1]
            names.removeFirst(2)
        }
        switch (method, names.first, names.count) {
        case ("GET", nil, 0): self = .fetchAccount
        case ("POST", "Calls", 1): self = .createCall
        case ("GET", "Calls", 1): self = .listCalls
        case ("POST", "Calls", 2): self = .updateCall(names[1])
        case ("GET", "Calls", 2): self = .fetchCall(names[1])
        case ("DELETE", "Calls", 2): self = .deleteCall(names[1])
        case ("GET", "IncomingPhoneNumbers", 1): self = .listNumbers
        case ("GET", "IncomingPhoneNumbers", 2): self = .fetchNumber(names[1])
        case ("GET", "Recordings", 1): self = .listRecordings(call: call)
        case ("GET", "Recordings", 2): self = .fetchRecording(names[1])
        case ("DELETE", "Recordings", 2): self = .deleteRecording(names[1])
        case ("POST", "Recordings", 1):
            guard let call else { return nil }
            self = .startRecording(call: call)
        default: return nil
        }
    }

    var kind: RESTFault.Request {
        switch self {
        case .createCall: .create
        case .updateCall: .update
        case .fetchCall: .fetch
        case .deleteCall: .delete
        case .listCalls: .list
        case .listAccounts, .fetchAccount, .listNumbers, .fetchNumber, .listRecordings, .startRecording,
            .fetchRecording,
            .sound, .deleteRecording:
            .other
        }
    }
}
