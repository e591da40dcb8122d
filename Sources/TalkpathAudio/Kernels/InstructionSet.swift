import CTalkpathKernels

/// Which instructions the inner loops of this target use. The choice changes the speed and nothing else: all forms
/// give the same result bit for bit, which a test holds them to.
public enum InstructionSet: String, Sendable, Hashable, CaseIterable {
    /// What every machine of the architecture has: SSE2 on x86-64, NEON on arm64.
    case portable
    /// x86-64 with 256-bit integers and floats (2013 and later).
    case avx2

    /// Whether this machine has it.
    public var isAvailable: Bool {
        switch self {
        case .portable: true
        case .avx2: Self.hasAVX2
        }
    }

    /// The fastest that this machine has. Found out once in a process; `TALKPATH_SIMD=portable` in the environment
    /// makes it ``portable`` everywhere, to compare or to rule a kernel out.
    public static let best: InstructionSet = hasAVX2 && !talkpath_prefers_portable() ? .avx2 : .portable

    /// All that this machine has, the plainest first.
    public static let available: [InstructionSet] = allCases.filter { $0.isAvailable }

    /// This one where there is such a machine, else ``portable``: what a kernel may really run with.
    var usable: InstructionSet { isAvailable ? self : .portable }

    private static let hasAVX2 = talkpath_has_avx2()
}
