/// The settings, under the names they have in the environment and in the file alike.
enum Setting: String, CaseIterable {
    case host = "TALKPATH_HTTP_HOST"
    case port = "TALKPATH_HTTP_PORT"
    case publicURL = "TALKPATH_PUBLIC_URL"
    /// Separated by commas; each a key, or `tenant:key`.
    case apiKeys = "TALKPATH_API_KEYS"
    case agentProvider = "TALKPATH_AGENT_PROVIDER"
    case agentFormat = "TALKPATH_AGENT_FORMAT"
    case agentInstructions = "TALKPATH_AGENT_INSTRUCTIONS"
    case agentVoice = "TALKPATH_AGENT_VOICE"
    case agentFirstMessage = "TALKPATH_AGENT_FIRST_MESSAGE"
    case agentConnect = "TALKPATH_AGENT_CONNECT"
    /// Separated by commas.
    case allowedDestinations = "TALKPATH_ALLOWED_DESTINATIONS"
    case maximumCalls = "TALKPATH_MAX_CALLS"
    case callsPerSecond = "TALKPATH_MAX_CALLS_PER_SECOND"
    case logLevel = "TALKPATH_LOG_LEVEL"
    case maxDuration = "TALKPATH_MAX_DURATION_S"
    case ringTimeout = "TALKPATH_RING_TIMEOUT_S"
    case mediaTimeout = "TALKPATH_MEDIA_TIMEOUT_S"
    case agentSetupTimeout = "TALKPATH_AGENT_SETUP_TIMEOUT_S"
    case endBound = "TALKPATH_END_TIMEOUT_S"
    case twilioAccountSID = "TWILIO_ACCOUNT_SID"
    case twilioAuthToken = "TWILIO_AUTH_TOKEN"
    case twilioFromNumber = "TWILIO_FROM_NUMBER"
    case twilioBaseURL = "TWILIO_API_BASE_URL"
    case openAIKey = "OPENAI_API_KEY"
    case openAIURL = "OPENAI_REALTIME_URL"
    case openAIModel = "OPENAI_MODEL"
    case geminiKey = "GEMINI_API_KEY"
    case geminiURL = "GEMINI_LIVE_URL"
    case geminiModel = "GEMINI_MODEL"

    var isSecret: Bool {
        switch self {
        case .apiKeys, .twilioAuthToken, .openAIKey, .geminiKey: true
        default: false
        }
    }

    /// `TALKPATH_HTTP_PORT` is `talkpath.http.port` to whoever looks it up by parts.
    var components: [String] {
        rawValue.lowercased().split(separator: "_").map(String.init)
    }
}
