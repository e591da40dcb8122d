import TalkpathAudio
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct ConfigurationTests {
    /// The required settings outside development.
    private static let good = [
        "TALKPATH_API_KEYS": "a key of sixteen or more", "TALKPATH_PUBLIC_URL": "https://voice.example.com",
        "OPENAI_API_KEY": "model key", "TWILIO_ACCOUNT_SID": "AC0123", "TWILIO_AUTH_TOKEN": "secret token",
        "TWILIO_FROM_NUMBER": "+14155550100",
    ]

    private func problems(
        _ changes: [String: String?],
        file: String? = nil,
        isDevelopment: Bool = false
    ) -> [String] {
        let environment = Self.good.merging(changes.mapValues { $0 ?? "" }) { $1 }
        do {
            _ = try ServerConfiguration.read(
                environment: environment,
                file: file.map { Array($0.utf8) },
                isDevelopment: isDevelopment
            )
            return []
        } catch {
            return error.problems.map(\.setting)
        }
    }

    @Test func `the required settings suffice`() throws {
        let configuration = try ServerConfiguration.read(environment: Self.good)
        #expect(["::", "0.0.0.0"].contains(configuration.host) && configuration.port == 8080)
        #expect(configuration.allowedDestinations.isEmpty)
        #expect(configuration.apiKeys.map(\.tenant) == ["default"])
        #expect(configuration.agent.provider == .openai && configuration.agent.format == .pcm)
        #expect(configuration.twilio?.baseURL == "https://api.twilio.com")
    }

    @Test(arguments: good.keys.sorted())
    func `a missing setting is named`(name: String) {
        #expect(problems([name: nil]) == [name])
    }

    @Test(arguments: [
        ("TALKPATH_HTTP_PORT", "eighty"), ("TALKPATH_HTTP_PORT", "65536"),
        ("TALKPATH_PUBLIC_URL", "http://voice.example.com"),
        ("TALKPATH_PUBLIC_URL", "voice.example.com"), ("TALKPATH_PUBLIC_URL", "https://a.example.com/?x=1"),
        ("TALKPATH_API_KEYS", "too short"), ("TALKPATH_API_KEYS", "good enough a key, :another good key"),
        ("TALKPATH_METRICS_KEY", "too short"), ("TALKPATH_MAX_AGENTS_PER_TENANT", "0"),
        ("TALKPATH_MAX_FOLLOWERS_PER_TENANT", "many"),
        ("TALKPATH_AGENT_PROVIDER", "acme"), ("TALKPATH_AGENT_FORMAT", "mp3"), ("TALKPATH_AGENT_CONNECT", "never"),
        ("TALKPATH_ALLOWED_DESTINATIONS", "+49,0041"), ("TALKPATH_MAX_CALLS", "0"), ("TALKPATH_LOG_LEVEL", "loud"),
        ("TALKPATH_MAX_CALLS_PER_SECOND", "-1"), ("TALKPATH_MAX_DURATION_S", "99999"), ("TALKPATH_RING_TIMEOUT_S", "1"),
        ("TALKPATH_MEDIA_TIMEOUT_S", "x"), ("TALKPATH_AGENT_SETUP_TIMEOUT_S", "0"), ("TALKPATH_END_TIMEOUT_S", "nan"),
        ("TWILIO_ACCOUNT_SID", "AC/../x"), ("TWILIO_FROM_NUMBER", "4155550100"),
        ("TWILIO_API_BASE_URL", "http://plain"),
        ("OPENAI_REALTIME_URL", "ws://plain"), ("TALKPATH_RESAMPLER", "soxr"),
        ("TALKPATH_DATABASE_URL", "mysql://localhost/calls"),
        ("TALKPATH_DATABASE_URL", "postgres://a:b@c@localhost/calls"),
        ("TALKPATH_RESAMPLER", "libsamplerate-quick"), ("TALKPATH_RESAMPLER_PROFILE", "narrow"),
    ])
    func `a wrong setting is named alone`(name: String, value: String) {
        #expect(problems([name: value]) == [name])
    }

    @Test(
        arguments: [
            (nil, nil, .polyphase(.telephone)), ("polyphase", nil, .polyphase(.telephone)),
            (nil, "wide", .polyphase(.wide)), ("polyphase", "strict", .polyphase(.strict)),
            ("libsamplerate-best", nil, .libsamplerate(.best)), ("libsamplerate-linear", nil, .libsamplerate(.linear)),
            ("polyphase-wide", nil, .polyphase(.wide)), ("polyphase-strict", "strict", .polyphase(.strict)),
        ] as [(String?, String?, ResamplerEngine)]
    )
    func `the resampler is selected by engine and profile`(name: String?, profile: String?, engine: ResamplerEngine)
        throws
    {
        let settings = ["TALKPATH_RESAMPLER": name, "TALKPATH_RESAMPLER_PROFILE": profile].compactMapValues { $0 }
        let configuration = try ServerConfiguration.read(environment: Self.good.merging(settings) { $1 })
        #expect(configuration.agent.resampler == engine)
    }

    @Test(arguments: ["libsamplerate-best", "polyphase-strict", "polyphase-telephone"])
    func `a profile that contradicts the resampler's name is wrong`(name: String) {
        #expect(
            problems(["TALKPATH_RESAMPLER": name, "TALKPATH_RESAMPLER_PROFILE": "wide"])
                == ["TALKPATH_RESAMPLER_PROFILE"]
        )
    }

    @Test func `all wrong settings are named at once and no value is shown`() throws {
        let error = #expect(throws: ConfigurationError.self) {
            _ = try ServerConfiguration.read(
                environment: ["TALKPATH_HTTP_PORT": "x-port-x", "TALKPATH_API_KEYS": "x-key-x"],
                file: Array(#"{"TALKPATH_HTP_PORT":1}"#.utf8)
            )
        }
        let text = try #require(error).description
        #expect(text.split(separator: "\n").count == 8)
        #expect(!text.contains("x-port-x") && !text.contains("x-key-x"))
        #expect(text.contains("TALKPATH_HTP_PORT: there is no such setting; did you mean TALKPATH_HTTP_PORT?"))
    }

    @Test(arguments: [
        ("TWILIO_AUTH_TOKEN", " secret token"), ("TWILIO_AUTH_TOKEN", "secret token\n"),
        ("OPENAI_API_KEY", "\"model key\""), ("OPENAI_API_KEY", "'model key'"), ("OPENAI_API_KEY", "model\nkey"),
        ("TALKPATH_API_KEYS", "a key of sixteen or more\r"), ("TALKPATH_PUBLIC_URL", "https://voice.example.com//"),
        ("TALKPATH_PUBLIC_URL", "https://voice.example.com//a"), ("TALKPATH_PUBLIC_URL", "https:////voice.example.com"),
        ("TALKPATH_PUBLIC_URL", "'https://voice.example.com'"), ("TALKPATH_CALL_ORIGINS", "https://a.example.com//"),
        ("TALKPATH_MAX_CALL", "7"), ("TALKPATH_LOGLEVEL", "info"),
    ])
    func `implausible values are refused`(setting: String, value: String) {
        #expect(problems([setting: value]) == [setting])
    }

    @Test func `the file's values follow the same rules`() {
        for value in [" k", "k ", #"\"k\""#, #"k\nk"#] {
            let file = #"{"OPENAI_API_KEY": "\#(value)"}"#
            #expect(problems(["OPENAI_API_KEY": nil], file: file) == ["OPENAI_API_KEY"])
        }
    }

    @Test func `a misspelt name suggests the nearest one and names of other programs are ignored`() throws {
        let error = #expect(throws: ConfigurationError.self) {
            _ = try ServerConfiguration.read(
                environment: Self.good.merging(["TALKPATH_LOGLEVEL": "info", "TALKPATH_QUITE_DIFFERENT_THING": "1"]) {
                    $1
                }
            )
        }
        let text = try #require(error).description
        #expect(text.contains("TALKPATH_LOGLEVEL: there is no such setting; did you mean TALKPATH_LOG_LEVEL?"))
        #expect(
            text.contains("TALKPATH_QUITE_DIFFERENT_THING: there is no such setting\n") || text.hasSuffix("setting")
        )
        let others = [
            "TALKPATH_URL": "http://127.0.0.1", "TALKPATH_API_KEY": "k", "TALKPATH_SERVICE_HOST": "10.0.0.1",
            "TALKPATH_PORT": "tcp://10.0.0.1:8080", "TALKPATH_PORT_8080_TCP": "tcp://10.0.0.1:8080", "TALKPATHY": "1",
        ]
        #expect(problems(others.mapValues { $0 }) == [])
    }

    @Test func `a model's instructions may have any form`() throws {
        let words = "  \"Be kind.\"\nBe brief.\n"
        let configuration = try ServerConfiguration.read(
            environment: Self.good.merging(["TALKPATH_AGENT_INSTRUCTIONS": words]) { $1 }
        )
        #expect(configuration.agent.instructions == words)
    }

    @Test func `the other model needs its own key`() {
        #expect(problems(["TALKPATH_AGENT_PROVIDER": "gemini"]) == ["GEMINI_API_KEY"])
        #expect(problems(["TALKPATH_AGENT_PROVIDER": "gemini", "GEMINI_API_KEY": "k"]) == [])
        #expect(
            problems(["TALKPATH_AGENT_PROVIDER": "gemini", "GEMINI_API_KEY": "k", "TALKPATH_AGENT_FORMAT": "pcmu"])
                == ["TALKPATH_AGENT_FORMAT"]
        )
    }

    @Test func `development needs neither a key nor a carrier but listens on this machine only`() throws {
        let environment = ["OPENAI_REALTIME_URL": "ws://127.0.0.1:9000/v1/realtime"]
        let configuration = try ServerConfiguration.read(environment: environment, isDevelopment: true)
        #expect(configuration.host == "127.0.0.1" && configuration.twilio == nil)
        #expect(configuration.allowedDestinations == ["+"])
        #expect(problems(["TALKPATH_HTTP_HOST": "0.0.0.0"], isDevelopment: true) == ["TALKPATH_HTTP_HOST"])
        #expect(problems(["TWILIO_AUTH_TOKEN": nil], isDevelopment: true) == ["TWILIO_AUTH_TOKEN"])
        #expect(problems(["OPENAI_API_KEY": nil], isDevelopment: true) == ["OPENAI_API_KEY"])
    }

    @Test func `the environment has priority over the file`() throws {
        let file = """
            {"TALKPATH_HTTP_PORT": 9001, "TALKPATH_MAX_CALLS": 7, "TALKPATH_ALLOWED_DESTINATIONS": ["+49", "+1"],
             "TALKPATH_MAX_DURATION_S": 90.5, "TALKPATH_AGENT_VOICE": null}
            """
        let configuration = try ServerConfiguration.read(
            environment: Self.good.merging([
                "TALKPATH_HTTP_PORT": "9002", "TALKPATH_API_KEYS": "acme:sixteen letters of it",
            ]) { $1 },
            file: Array(file.utf8)
        )
        #expect(configuration.port == 9002 && configuration.maximumCalls == 7)
        #expect(configuration.allowedDestinations == ["+49", "+1"])
        #expect(configuration.limits.maxDuration == .seconds(90.5))
        #expect(configuration.apiKeys.first?.tenant == "acme")
        #expect(configuration.apiKeys.first?.secret == "sixteen letters of it")
        #expect(configuration.agent.voice == nil)
    }

    @Test(arguments: ["", "[]", "{", #"{"TALKPATH_HTTP_PORT":{}}"#, #"{"talkpath_http_port":1}"#])
    func `an invalid file is named`(file: String) {
        #expect(problems([:], file: file).count == 1)
    }

    @Test func `secrets are not printed`() throws {
        var environment = Self.good
        environment["TALKPATH_DATABASE_URL"] = "postgres://talkpath:sixteen@localhost/calls"
        let configuration = try ServerConfiguration.read(environment: environment)
        var text = "\(configuration.apiKeys) \(configuration.twilio as Any) \(configuration.storage)"
        dump(configuration.storage, to: &text)
        dump(configuration.apiKeys, to: &text)
        dump(configuration.twilio, to: &text)
        #expect(!text.contains("sixteen") && !text.contains("secret token"))
    }
}
