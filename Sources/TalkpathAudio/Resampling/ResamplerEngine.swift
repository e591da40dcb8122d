/// The resampling engine that a call's configuration selects, and its quality.
///
/// As text: `polyphase-telephone`, `polyphase-wide`, `polyphase-strict` (`polyphase` alone means the first),
/// `libsamplerate-best`, `-medium`, `-fastest`, `-hold`, `-linear`.
public enum ResamplerEngine: Sendable, Hashable {
    /// ``Resampler``: the rates of telephony and of speech models, at about a microsecond a frame.
    case polyphase(ResamplerProfile)
    /// ``LibsamplerateResampler``: any pair of rates, at thirty to a thousand times the cost.
    case libsamplerate(LibsamplerateConverter)

    public static let `default` = ResamplerEngine.polyphase(.telephone)
}

/// The converters of libsamplerate.
public enum LibsamplerateConverter: String, Sendable, Hashable, CaseIterable {
    /// Band-limited interpolation. `best`, `medium` and `fastest` reach 143, 46 and 19 samples to each side.
    case best
    case medium
    case fastest
    /// Repeats the newest sample; it hardly damps the images.
    case hold
    /// Draws a straight line from sample to sample.
    case linear
}

extension ResamplerEngine: CaseIterable {
    public static var allCases: [ResamplerEngine] {
        ResamplerProfile.allCases.map { .polyphase($0) } + LibsamplerateConverter.allCases.map { .libsamplerate($0) }
    }
}

extension ResamplerEngine: LosslessStringConvertible {
    public init?(_ description: String) {
        if description == "polyphase" {
            self = .default
        } else if let engine = Self.allCases.first(where: { $0.description == description }) {
            self = engine
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .polyphase(let profile): "polyphase-\(profile.rawValue)"
        case .libsamplerate(let converter): "libsamplerate-\(converter.rawValue)"
        }
    }
}

extension ResamplerEngine {
    /// Every name that ``init(_:profile:)`` accepts.
    package static let names = ["polyphase"] + allCases.map(\.description)

    /// The reason why a name and a profile select no engine.
    package enum SelectionError: Error, Hashable {
        case unknownEngine
        /// The engine has no profiles, or its name states another profile.
        case profileDoesNotFit
    }

    /// Selects an engine from a configuration that may state the profile separately.
    /// - Throws: ``SelectionError``.
    package init(_ name: String, profile: ResamplerProfile?) throws(SelectionError) {
        guard let engine = ResamplerEngine(name) else { throw .unknownEngine }
        guard let profile else {
            self = engine
            return
        }
        guard name == "polyphase" || engine == .polyphase(profile) else { throw .profileDoesNotFit }
        self = .polyphase(profile)
    }
}
