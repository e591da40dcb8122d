import HTTPTypes

/// The carrier's webhooks, for the document. The media socket is no HTTP route, and is not in it.
enum CarrierOperations {
    static let all: [Operation] = [
        webhook(
            "/twilio/voice",
            "twilioVoice",
            "Twilio asks what to do with a call",
            .init(status: 200, meaning: "TwiML.", contents: [("text/xml", .text)]),
            others: [
                .problem(503, "`draining`: a node stops, and another one takes the call. A server alone says busy.")
            ]
        ),
        webhook("/twilio/status", "twilioStatus", "Twilio tells how a call goes on", .empty(204, "Noted.")),
        webhook(
            "/twilio/stream-status",
            "twilioStreamStatus",
            "Twilio tells how a media stream goes on",
            .empty(204, "Noted.")
        ),
        webhook(
            "/twilio/transfer",
            "twilioTransfer",
            "Twilio asks what to do with a caller whose transfer is over",
            .init(status: 200, meaning: "TwiML.", contents: [("text/xml", .text)]),
            parameters: [.query("transfer", .integer)]
        ),
        webhook(
            "/twilio/transfer-status",
            "twilioTransferStatus",
            "Twilio tells how the leg to the other party of a transfer goes on",
            .empty(204, "Noted."),
            parameters: [.query("transfer", .integer)]
        ),
        webhook(
            "/twilio/machine-detection",
            "twilioMachineDetection",
            "Twilio reports whether a person or a machine has answered a call",
            .empty(204, "Noted.")
        ),
    ]

    private static func webhook(
        _ path: String,
        _ id: String,
        _ summary: String,
        _ answer: Operation.Answer,
        parameters: [Operation.Parameter] = [],
        others: [Operation.Answer] = []
    ) -> Operation {
        Operation(
            method: .post,
            path: path,
            id: id,
            area: "Carrier",
            summary: summary,
            access: .carrier,
            parameters: [.query("call_id", .text)] + parameters,
            body: .init(type: "application/x-www-form-urlencoded", schema: .dictionary(of: .text)),
            answers: [
                answer, .problem(400, "The form cannot be read, or lacks something."),
                .problem(403, "The signature is missing or wrong, or the call has its media already."),
                .problem(413, "`body_too_large`."),
            ] + others
        )
    }
}
