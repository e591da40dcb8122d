import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// The enumerations that several objects share. The document lists each one once, under its name, so that a generated
/// client has one type for it.
enum WordSchemas {
    static let all: [(name: String, schema: Schema)] = [
        ("CallStatus", .word(CallStatus.self)),
        ("CallDirection", .word("outbound", "inbound")),
        ("ListedDirection", .word("outbound", "inbound", "incoming")),
        ("DirectionWord", .word(CallDirection.words)),
        ("EndReason", .word(EndReason.self)),
        ("EndMode", .word("now", "drain")),
        ("TransferOutcome", .word(TransferOutcome.self)),
        ("TransferFailurePlan", .word("return", "say_goodbye", "hang_up")),
        ("AnsweredBy", .word(AnsweredBy.self)),
        ("CarrierErrorSource", .word(CarrierFault.Source.self)),
        ("Speaker", .word("user", "assistant")),
        ("Sentiment", .word(CallAnalysis.Sentiment.self)),
        ("CallLeg", .word(CallLeg.self)),
        ("FailedResponseStatus", .word("failed", "incomplete", "rejected")),
        ("MessageAuthor", .word(MessageAuthor.self)),
        ("AgentProvider", .word(AgentProvider.self)),
        ("AgentFormat", .word(AgentProfile.Format.self)),
        ("ConnectPolicy", .word(AgentProfile.ConnectPolicy.self)),
        ("GreetingPolicy", .word(GreetingPolicy.self)),
        ("BargeIn", .word(BargeIn.self)),
        ("ToolBehavior", .word(AgentTool.Behavior.self)),
        ("ToolScheduling", .word(AgentTool.Scheduling.self)),
        ("Sensitivity", .word(GeminiOptions.Sensitivity.self)),
        // Used by both providers.
        ("ThinkingLevel", .word(OpenAIOptions.ReasoningEffort.self)),
        ("Resampler", .word(ResamplerEngine.names)),
        ("MachineDetection", .word(MachineDetection.self)),
        ("MachinePolicy", .word(MachinePolicy.self)),
        ("EventType", .word(EventType.self)),
        ("WebhookFormat", .word(WebhookFormat.self)),
        ("Readiness", .word("ready", "draining", "store_unavailable")),
        ("ProblemCode", .word(Problem.Code.self)),
    ]
}
