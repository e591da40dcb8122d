/// The settings, under their names in the environment and in the file.
enum Setting: String, CaseIterable {
    /// The address to listen on: `127.0.0.1` in development, otherwise `::` or, without IPv6, `0.0.0.0`.
    case host = "TALKPATH_HTTP_HOST"
    /// The default is 8080.
    case port = "TALKPATH_HTTP_PORT"
    /// The https origin at which the carrier reaches this server. Needed outside development, where it may be http.
    case publicURL = "TALKPATH_PUBLIC_URL"
    /// Keys of at least 16 characters, or `tenant:key`, separated by commas. Needed outside development.
    case apiKeys = "TALKPATH_API_KEYS"
    /// Keys that open only `/metrics`, separated by commas. By default the default tenant's keys open it.
    case metricsKeys = "TALKPATH_METRICS_KEY"
    /// Serves the console at `/console`: `on` or `off`. The default is `on` in development only.
    case console = "TALKPATH_CONSOLE"
    /// `openai` (default), `openai_live`, `gemini` or `socket`. Decides which provider's settings below apply.
    case agentProvider = "TALKPATH_AGENT_PROVIDER"
    /// `pcm` (default) or, except for Gemini, `pcmu`.
    case agentFormat = "TALKPATH_AGENT_FORMAT"
    case agentInstructions = "TALKPATH_AGENT_INSTRUCTIONS"
    case agentVoice = "TALKPATH_AGENT_VOICE"
    case agentFirstMessage = "TALKPATH_AGENT_FIRST_MESSAGE"
    /// `on_ringing` (default) or `on_answer`.
    case agentConnect = "TALKPATH_AGENT_CONNECT"
    /// The resampler of calls: `polyphase` (default), or `libsamplerate-best`, `-medium`, `-fastest`, `-hold`,
    /// `-linear`.
    case resampler = "TALKPATH_RESAMPLER"
    /// The band that polyphase keeps: `telephone` (default), `wide` or `strict`.
    case resamplerProfile = "TALKPATH_RESAMPLER_PROFILE"
    /// Prefixes of numbers that may be called, separated by commas. `+` is every country, `+1` the United States and
    /// Canada. By default no number may be called, and in development every number. Emergency numbers are never called.
    case allowedDestinations = "TALKPATH_ALLOWED_DESTINATIONS"
    /// Types of number that may be called, separated by commas. The default is the types that cost nothing extra.
    case allowedNumberTypes = "TALKPATH_ALLOWED_NUMBER_TYPES"
    /// Further numbers that calls may come from, separated by commas: `+number` or `tenant:+number`.
    case fromNumbers = "TALKPATH_FROM_NUMBERS"
    /// Further origins that a call's `webhook_url` may name, separated by commas: an address, or `tenant=address`.
    case callOrigins = "TALKPATH_CALL_ORIGINS"
    /// The most simultaneous calls. The default is 1000.
    case maximumCalls = "TALKPATH_MAX_CALLS"
    /// Threads that calls are spread over: 1.
    case mediaLanes = "TALKPATH_MEDIA_LANES"
    case connectionsPerAddress = "TALKPATH_MAX_CONNECTIONS_PER_ADDRESS"
    /// The most calls that one tenant may place per second. The default is 10.
    case callsPerSecond = "TALKPATH_MAX_CALLS_PER_SECOND"
    /// The most simultaneous calls of each tenant. The default is the limit of all tenants.
    case maximumCallsPerTenant = "TALKPATH_MAX_CALLS_PER_TENANT"
    /// The most minutes that a tenant's calls may talk in a day of UTC. The default is no limit.
    case minutesPerDay = "TALKPATH_MAX_MINUTES_PER_DAY"
    /// The most event streams that a tenant may follow at the same time. The default is 100.
    case maximumFollowersPerTenant = "TALKPATH_MAX_FOLLOWERS_PER_TENANT"
    /// The most stored agents of a tenant. The default is 1000.
    case maximumAgentsPerTenant = "TALKPATH_MAX_AGENTS_PER_TENANT"
    /// The tenants' own accounts, separated by commas: `tenant:AC…:auth token:+number`.
    case tenantTwilio = "TALKPATH_TENANT_TWILIO"
    /// The agents of inbound calls by called number, separated by commas: `+number=agent` or `+number=tenant/agent`.
    case inboundAgents = "TALKPATH_INBOUND_AGENTS"
    /// Files with the certificate and its chain, and with its key, in PEM. Set both or neither. Read again when they
    /// change.
    case tlsCertificate = "TALKPATH_TLS_CERTIFICATE"
    case tlsKey = "TALKPATH_TLS_KEY"
    /// `trace`, `debug`, `info` (default), `notice`, `warning`, `error` or `critical`.
    case logLevel = "TALKPATH_LOG_LEVEL"
    /// `console` (default), or `json` for one object a line.
    case logFormat = "TALKPATH_LOG_FORMAT"
    /// The longest call, in seconds. The default is 3600.
    case maxDuration = "TALKPATH_MAX_DURATION_S"
    /// The default is 60 seconds.
    case queueTimeout = "TALKPATH_QUEUE_TIMEOUT_S"
    case ringTimeout = "TALKPATH_RING_TIMEOUT_S"
    /// The time from the answer to the carrier's media, in seconds. The default is 20.
    case mediaTimeout = "TALKPATH_MEDIA_TIMEOUT_S"
    /// The time from opening the model's socket until the model is ready, in seconds. The default is 10.
    case agentSetupTimeout = "TALKPATH_AGENT_SETUP_TIMEOUT_S"
    /// The time from the beginning of an end to its receipt, in seconds. The default is 5.
    case endBound = "TALKPATH_END_TIMEOUT_S"
    /// The folder for all stored data. The default is `talkpath-data`. With `:memory:`, and by default in development,
    /// nothing outlives the server.
    case dataFolder = "TALKPATH_DATA_FOLDER"
    /// A PostgreSQL database that keeps calls, agents and events, instead of a file in the data folder:
    /// `postgres://user:password@host/database`.
    case databaseURL = "TALKPATH_DATABASE_URL"
    /// The address at which the other nodes on the same database reach this server, such as `http://10.0.0.5:8080`.
    /// Makes the server one of several nodes.
    case nodeURL = "TALKPATH_NODE_URL"
    /// The secret by which the nodes know each other; the same on all of them.
    case nodeSecret = "TALKPATH_NODE_SECRET"
    /// The origin at which the carrier reaches this node and no other, for media sockets.
    case nodeMediaURL = "TALKPATH_NODE_MEDIA_URL"
    /// The failure that a finished write survives: the death of the `process` (default), or the loss of `power`.
    case durability = "TALKPATH_STORE_DURABILITY"
    /// The time for which transcripts are kept after a call's end: `off`, `forever` (default) or a number of days.
    case keepTranscripts = "TALKPATH_KEEP_TRANSCRIPTS"
    case keepRecordings = "TALKPATH_KEEP_RECORDINGS"
    /// `forever` (default) or a number of days.
    case keepCalls = "TALKPATH_KEEP_CALLS"
    /// The number of days for which delivered events are kept. The default is 30.
    case keepEvents = "TALKPATH_KEEP_EVENTS"
    /// The address that receives all calls' events as signed requests. Must be https outside development.
    case webhookURL = "TALKPATH_WEBHOOK_URL"
    /// `whsec_` and base64 of 24 to 64 bytes. While it is being replaced, several, separated by commas.
    case webhookSecret = "TALKPATH_WEBHOOK_SECRET"
    /// With the chat, makes the server send a summary of every call.
    case telegramToken = "TELEGRAM_BOT_TOKEN"
    case telegramChat = "TELEGRAM_CHAT_ID"
    case telegramURL = "TELEGRAM_API_BASE_URL"
    /// The address that receives all calls' events over a WebSocket.
    case gatewayURL = "TALKPATH_GATEWAY_URL"
    case gatewayToken = "TALKPATH_GATEWAY_TOKEN"
    /// The default is `main`.
    case gatewaySession = "TALKPATH_GATEWAY_SESSION"
    /// The protocol of the model that judges calls after their end: `openai` or a compatible one, or `gemini`. By
    /// default calls are not judged.
    case analysisProvider = "TALKPATH_ANALYSIS_PROVIDER"
    /// The address without a path.
    case analysisURL = "TALKPATH_ANALYSIS_URL"
    case analysisModel = "TALKPATH_ANALYSIS_MODEL"
    case analysisKey = "TALKPATH_ANALYSIS_API_KEY"
    /// The time that live calls have to finish when the server stops, in seconds. The default is 30. 0 ends them at
    /// once.
    case drainTimeout = "TALKPATH_DRAIN_TIMEOUT_S"
    /// The capture of calls that ask for none: `off` (default), `wire`, `audio` or `wire,audio`.
    case capture = "TALKPATH_CAPTURE"
    /// The folder for captures and recordings. The default is `recordings` in the data folder.
    case recordings = "TALKPATH_RECORDINGS_DIR"
    /// `ogg` (default) or `wav`.
    case recordingFormat = "TALKPATH_RECORDING_FORMAT"
    /// The collector that gets a trace of each call, as OTLP over HTTP: its address without `/v1/traces`. By default
    /// none.
    case tracesEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
    /// Headers for the collector, such as its key: `name=value`, several of them separated by commas.
    case tracesHeaders = "OTEL_EXPORTER_OTLP_HEADERS"
    /// The name under which the collector shows the traces. The default is `talkpath`.
    case tracesService = "OTEL_SERVICE_NAME"
    /// Puts the words of the call and the arguments of functions into traces: `on` or `off` (default).
    case traceContent = "TALKPATH_TRACE_CONTENT"
    /// A file of prices by which calls' costs are reckoned, instead of the table that comes with the program.
    case prices = "TALKPATH_PRICES"
    case twilioAccountSID = "TWILIO_ACCOUNT_SID"
    /// While it is being replaced, several, separated by commas. The first authorises requests; each may sign webhooks.
    case twilioAuthToken = "TWILIO_AUTH_TOKEN"
    /// `SK…` and its secret authorise requests instead of the token. Set both or neither.
    case twilioAPIKey = "TWILIO_API_KEY"
    case twilioAPISecret = "TWILIO_API_SECRET"
    /// The region of the account's calls, such as `ie1`, and the edge of its API, such as `dublin`.
    case twilioRegion = "TWILIO_REGION"
    case twilioEdge = "TWILIO_EDGE"
    case twilioFromNumber = "TWILIO_FROM_NUMBER"
    case twilioCallsPerSecond = "TWILIO_CALLS_PER_SECOND"
    case twilioBaseURL = "TWILIO_API_BASE_URL"
    case openAIKey = "OPENAI_API_KEY"
    case openAIURL = "OPENAI_REALTIME_URL"
    case openAIModel = "OPENAI_MODEL"
    /// The service that speaks OpenAI's protocol: `openai`, `azure` or `xai`. By default OPENAI_REALTIME_URL decides.
    case openAIService = "OPENAI_REALTIME_SERVICE"
    case openAILiveURL = "OPENAI_LIVE_URL"
    case openAILiveModel = "OPENAI_LIVE_MODEL"
    case geminiKey = "GEMINI_API_KEY"
    case geminiURL = "GEMINI_LIVE_URL"
    case geminiModel = "GEMINI_MODEL"
    /// A socket agent: its address, and the secret that it is shown.
    case socketURL = "TALKPATH_SOCKET_URL"
    case socketKey = "TALKPATH_SOCKET_KEY"
    /// The header that carries the secret as it is: `Authorization`, with `Bearer` before it.
    case socketHeader = "TALKPATH_SOCKET_HEADER"

    var isSecret: Bool {
        switch self {
        case .apiKeys, .metricsKeys, .databaseURL, .nodeSecret, .tenantTwilio, .twilioAuthToken, .twilioAPISecret,
            .openAIKey,
            .geminiKey, .socketKey,
            .webhookSecret,
            .telegramToken,
            .gatewayToken, .analysisKey, .tracesHeaders:
            true
        default: false
        }
    }

    /// True if the value is text for a model, which may have any form.
    var isProse: Bool { self == .agentInstructions || self == .agentFirstMessage }

    /// The parts of the name as the configuration library looks them up: `talkpath.http.port`.
    var components: [String] {
        rawValue.lowercased().split(separator: "_").map(String.init)
    }
}
