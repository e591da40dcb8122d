import TalkpathCore

/// The addresses of ours that Twilio is given.
struct TwilioAddresses {
    static let voicePath = "/twilio/voice"
    static let statusPath = "/twilio/status"
    static let streamStatusPath = "/twilio/stream-status"
    static let machineDetectionPath = "/twilio/machine-detection"
    static let transferPath = "/twilio/transfer"
    static let transferStatusPath = "/twilio/transfer-status"
    static let mediaStreamPath = "/twilio/media-stream"

    let origin: PublicOrigin

    func voice(_ call: CallID) -> String { "\(origin.text)\(Self.voicePath)?call_id=\(call)" }
    func status(_ call: CallID) -> String { "\(origin.text)\(Self.statusPath)?call_id=\(call)" }
    func machineDetection(_ call: CallID) -> String { "\(origin.text)\(Self.machineDetectionPath)?call_id=\(call)" }
    func streamStatus(_ call: CallID) -> String { "\(origin.text)\(Self.streamStatusPath)?call_id=\(call)" }

    /// Asked when a transfer is over.
    func transfer(_ ticket: TransferTicket) -> String { "\(origin.text)\(Self.transferPath)?\(Self.query(ticket))" }

    /// Told how the leg to the other party goes on.
    func transferStatus(_ ticket: TransferTicket) -> String {
        "\(origin.text)\(Self.transferStatusPath)?\(Self.query(ticket))"
    }

    private static func query(_ ticket: TransferTicket) -> String {
        "call_id=\(ticket.callID)&transfer=\(ticket.transfer)"
    }

    /// Twilio takes no query here.
    ///
    /// - Parameter namingCall: puts the call into the path: an upgrade for a call that came by an origin of its own is
    ///   signed over that origin, which is found by the call.
    func mediaStream(namingCall call: CallID?) -> String {
        origin.webSocketText + Self.mediaStreamPath + (call.map { "/\($0)" } ?? "")
    }
}
