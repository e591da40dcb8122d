/// The settings, under the names they have in the environment and in the file alike.
enum Setting: String, CaseIterable {
    /// The address to listen on: `127.0.0.1` in development, otherwise `::` or, without IPv6, `0.0.0.0`.
    case host = "TALKPATH_HTTP_HOST"
    /// 8080.
    case port = "TALKPATH_HTTP_PORT"
    /// The https origin at which the carrier reaches this server. Needed outside development, where it may be http.
    case publicURL = "TALKPATH_PUBLIC_URL"
    /// Separated by commas; each a key of at least 16 characters, or `tenant:key`. Needed outside development.
    case apiKeys = "TALKPATH_API_KEYS"
    /// Keys that open `/metrics` and nothing else, separated by commas. Without it, the default tenant's keys open it.
    case metricsKeys = "TALKPATH_METRICS_KEY"
    /// Whether the console is served at `/console`: `on` or `off`. Without it, in development only.
    case console = "TALKPATH_CONSOLE"
    /// `openai` (without it) or `gemini`: which of the two providers' settings below count.
    case agentProvider = "TALKPATH_AGENT_PROVIDER"
    /// `pcm` (without it) or, for OpenAI, `pcmu`.
    case agentFormat = "TALKPATH_AGENT_FORMAT"
    case agentInstructions = "TALKPATH_AGENT_INSTRUCTIONS"
    case agentVoice = "TALKPATH_AGENT_VOICE"
    case agentFirstMessage = "TALKPATH_AGENT_FIRST_MESSAGE"
    /// `on_ringing` (without it) or `on_answer`.
    case agentConnect = "TALKPATH_AGENT_CONNECT"
    /// The resampler of calls: `polyphase` (without it), or `libsamplerate-best`, `-medium`, `-fastest`, `-hold`, `-linear`.
    case resampler = "TALKPATH_RESAMPLER"
    /// The band that polyphase keeps: `telephone` (without it), `wide` or `strict`.
    case resamplerProfile = "TALKPATH_RESAMPLER_PROFILE"
    /// Beginnings of numbers that may be called, separated by commas; `+` is every country, `+1` the United States and
    /// Canada. Without it no number may be called; in development every number. Emergency numbers never.
    case allowedDestinations = "TALKPATH_ALLOWED_DESTINATIONS"
    /// Types of number that may be called, separated by commas. Without it, those that cost nothing extra.
    case allowedNumberTypes = "TALKPATH_ALLOWED_NUMBER_TYPES"
    /// Further numbers that calls may come from, separated by commas: `+number` or `tenant:+number`.
    case fromNumbers = "TALKPATH_FROM_NUMBERS"
    /// Further origins that a call's `webhook_url` may name, separated by commas: an address, or `tenant=address`.
    case callOrigins = "TALKPATH_CALL_ORIGINS"
    /// At the same time: 1000.
    case maximumCalls = "TALKPATH_MAX_CALLS"
    case connectionsPerAddress = "TALKPATH_MAX_CONNECTIONS_PER_ADDRESS"
    /// Placed by one tenant: 10.
    case callsPerSecond = "TALKPATH_MAX_CALLS_PER_SECOND"
    /// At the same time, of each tenant. Without it, as many as of all.
    case maximumCallsPerTenant = "TALKPATH_MAX_CALLS_PER_TENANT"
    /// That a tenant's calls may talk in a day of UTC. Without it, without bound.
    case minutesPerDay = "TALKPATH_MAX_MINUTES_PER_DAY"
    /// Streams of events that a tenant may follow at the same time: 100.
    case maximumFollowersPerTenant = "TALKPATH_MAX_FOLLOWERS_PER_TENANT"
    /// That are kept for a tenant: 1000.
    case maximumAgentsPerTenant = "TALKPATH_MAX_AGENTS_PER_TENANT"
    /// Accounts of tenants' own, separated by commas: `tenant:AC…:auth token:+number`.
    case tenantTwilio = "TALKPATH_TENANT_TWILIO"
    /// The agents of inbound calls by called number, separated by commas: `+number=agent` or `+number=tenant/agent`.
    case inboundAgents = "TALKPATH_INBOUND_AGENTS"
    /// Files with the certificate and its chain, and with its key, in PEM. Both or none; read again when they change.
    case tlsCertificate = "TALKPATH_TLS_CERTIFICATE"
    case tlsKey = "TALKPATH_TLS_KEY"
    /// `trace`, `debug`, `info` (without it), `notice`, `warning`, `error` or `critical`.
    case logLevel = "TALKPATH_LOG_LEVEL"
    /// `console` (without it), or `json`: an object a line.
    case logFormat = "TALKPATH_LOG_FORMAT"
    /// Of each call, in seconds: 3600.
    case maxDuration = "TALKPATH_MAX_DURATION_S"
    /// 60.
    case queueTimeout = "TALKPATH_QUEUE_TIMEOUT_S"
    case ringTimeout = "TALKPATH_RING_TIMEOUT_S"
    /// From the answer to the carrier's media: 20.
    case mediaTimeout = "TALKPATH_MEDIA_TIMEOUT_S"
    /// From opening the model's socket until it is ready: 10.
    case agentSetupTimeout = "TALKPATH_AGENT_SETUP_TIMEOUT_S"
    /// From the beginning of an end to its receipt: 5.
    case endBound = "TALKPATH_END_TIMEOUT_S"
    /// The folder of everything that is kept: `talkpath-data`; in development, or with `:memory:`, nothing outlives the
    /// server.
    case dataFolder = "TALKPATH_DATA_FOLDER"
    /// A database of PostgreSQL that keeps calls, agents and events instead of a file in the data folder:
    /// `postgres://user:password@host/database`.
    case databaseURL = "TALKPATH_DATABASE_URL"
    /// The failure that a finished write survives: the death of the `process` (without it), or the loss of `power`.
    case durability = "TALKPATH_STORE_DURABILITY"
    /// The time for which transcripts are kept after a call's end: `off`, `forever` (without it) or a number of days.
    case keepTranscripts = "TALKPATH_KEEP_TRANSCRIPTS"
    case keepRecordings = "TALKPATH_KEEP_RECORDINGS"
    /// `forever` (without it) or a number of days.
    case keepCalls = "TALKPATH_KEEP_CALLS"
    /// Of events that every endpoint has received: 30.
    case keepEvents = "TALKPATH_KEEP_EVENTS"
    /// Is told what happens on every call, by signed requests; https only, outside development.
    case webhookURL = "TALKPATH_WEBHOOK_URL"
    /// `whsec_` and base64 of 24 to 64 bytes; several, separated by commas, while it is being replaced.
    case webhookSecret = "TALKPATH_WEBHOOK_SECRET"
    /// Gets a summary of every call, together with the chat.
    case telegramToken = "TELEGRAM_BOT_TOKEN"
    case telegramChat = "TELEGRAM_CHAT_ID"
    case telegramURL = "TELEGRAM_API_BASE_URL"
    /// Is told what happens on every call, over a WebSocket.
    case gatewayURL = "TALKPATH_GATEWAY_URL"
    case gatewayToken = "TALKPATH_GATEWAY_TOKEN"
    /// `main`.
    case gatewaySession = "TALKPATH_GATEWAY_SESSION"
    /// The model that judges calls after their end: `openai`, or a compatible one, or `gemini`. Without it none does.
    case analysisProvider = "TALKPATH_ANALYSIS_PROVIDER"
    /// Without a path.
    case analysisURL = "TALKPATH_ANALYSIS_URL"
    case analysisModel = "TALKPATH_ANALYSIS_MODEL"
    case analysisKey = "TALKPATH_ANALYSIS_API_KEY"
    /// Seconds for which calls may go on once the server has been told to stop: 30. 0 ends them at once.
    case drainTimeout = "TALKPATH_DRAIN_TIMEOUT_S"
    /// The capture of calls that ask for none: `off` (without it), `wire`, `audio` or `wire,audio`.
    case capture = "TALKPATH_CAPTURE"
    /// The folder that captures and recordings are written to: `recordings` in the data folder.
    case recordings = "TALKPATH_RECORDINGS_DIR"
    /// `ogg` (without it) or `wav`.
    case recordingFormat = "TALKPATH_RECORDING_FORMAT"
    case twilioAccountSID = "TWILIO_ACCOUNT_SID"
    /// Several, separated by commas, while it is being replaced: the first authorises requests, each may sign webhooks.
    case twilioAuthToken = "TWILIO_AUTH_TOKEN"
    /// `SK…` and its secret: authorise requests instead of the token. Both or none.
    case twilioAPIKey = "TWILIO_API_KEY"
    case twilioAPISecret = "TWILIO_API_SECRET"
    /// The region of the account's calls, such as `ie1`, and the edge of its API, such as `dublin`.
    case twilioRegion = "TWILIO_REGION"
    case twilioEdge = "TWILIO_EDGE"
    case twilioFromNumber = "TWILIO_FROM_NUMBER"
    case twilioBaseURL = "TWILIO_API_BASE_URL"
    case openAIKey = "OPENAI_API_KEY"
    case openAIURL = "OPENAI_REALTIME_URL"
    case openAIModel = "OPENAI_MODEL"
    /// The service behind OpenAI's wire: `openai`, `azure` or `xai`. Without it, OPENAI_REALTIME_URL decides.
    case openAIService = "OPENAI_REALTIME_SERVICE"
    case geminiKey = "GEMINI_API_KEY"
    case geminiURL = "GEMINI_LIVE_URL"
    case geminiModel = "GEMINI_MODEL"

    var isSecret: Bool {
        switch self {
        case .apiKeys, .metricsKeys, .databaseURL, .tenantTwilio, .twilioAuthToken, .twilioAPISecret, .openAIKey,
            .geminiKey,
            .webhookSecret,
            .telegramToken,
            .gatewayToken, .analysisKey:
            true
        default: false
        }
    }

    /// Words for a model, of any form.
    var isProse: Bool { self == .agentInstructions || self == .agentFirstMessage }

    /// The parts of the name as the configuration library looks them up: `talkpath.http.port`.
    var components: [String] {
        rawValue.lowercased().split(separator: "_").map(String.init)
    }
}
