/// The provider and format that the fleet and its model speak.
package struct LoadShape: Equatable, Sendable {
    package enum Provider: String, Sendable, CaseIterable {
        case openAI = "openai"
        case openAILive = "openai_live"
        case gemini
    }

    package enum Format: String, Sendable, CaseIterable {
        /// 16-bit samples: 24 kHz for OpenAI, 16 kHz for Gemini.
        case pcm
        /// µ-law, as on the telephony leg, passed through unchanged.
        case pcmu
    }

    package var provider: Provider
    package var format: Format

    package init(provider: Provider, format: Format) {
        self.provider = provider
        self.format = format
    }

    /// The bytes of a 20 ms frame that the model receives and sends.
    var modelFrameBytes: Int {
        switch (provider, format) {
        case (_, .pcmu): 160
        case (.openAI, .pcm), (.openAILive, .pcm): 960
        case (.gemini, .pcm): 640
        }
    }

    package var description: String {
        switch (provider, format) {
        case (.openAI, .pcm): "OpenAI Realtime, PCM at 24 kHz, resampled both ways"
        case (.openAI, .pcmu): "OpenAI Realtime, µ-law untouched"
        case (.openAILive, .pcm): "GPT-Live, PCM at 24 kHz, resampled both ways"
        case (.openAILive, .pcmu): "GPT-Live, µ-law untouched"
        case (.gemini, _): "Gemini Live, PCM at 16 kHz, resampled both ways"
        }
    }
}
