/// Who resamples, and how well: what a call's configuration selects.
///
/// As text: `polyphase-telephone`, `polyphase-wide`, `polyphase-strict` (`polyphase` is the first of them),
/// `libsamplerate-best`, `-medium`, `-fastest`, `-hold`, `-linear`.
public enum ResamplerEngine: Sendable, Hashable {
    /// ``Resampler``: the rates of telephony and of speech models, in a microsecond a frame.
    case polyphase(ResamplerProfile)
    /// ``LibsamplerateResampler``: any pair of rates, at thirty to thousand times the price.
    case libsamplerate(LibsamplerateConverter)

    public static let `default` = ResamplerEngine.polyphase(.telephone)
}

/// The converters of libsamplerate.
public enum LibsamplerateConverter: String, Sendable, Hashable, CaseIterable {
    /// Band-limited interpolation with a window of 143, 46 or 19 samples to each side.
    case best
    case medium
    case fastest
    /// The newest sample is held: images are hardly damped at all.
    case hold
    /// A straight line from sample to sample.
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
    /// Every name that is understood.
    package static let names = ["polyphase"] + allCases.map(\.description)

    /// Why a name and a profile select nothing.
    package enum SelectionError: Error, Hashable {
        case unknownEngine
        /// The engine has no profiles, or its name tells another one.
        case profileDoesNotFit
    }

    /// What a configuration selects that may tell the profile apart from the engine.
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
