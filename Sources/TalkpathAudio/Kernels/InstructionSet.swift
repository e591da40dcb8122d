import CTalkpathKernels

/// The instructions that the inner loops of this target use. The choice changes only the speed: a test checks that all
/// forms give the same result bit for bit.
public enum InstructionSet: String, Sendable, Hashable, CaseIterable {
    /// The baseline of the architecture: SSE2 on x86-64, NEON on arm64.
    case portable
    /// x86-64 with 256-bit integers and floats (2013 and later).
    case avx2

    /// True if this machine has these instructions.
    public var isAvailable: Bool {
        switch self {
        case .portable: true
        case .avx2: Self.hasAVX2
        }
    }

    /// The fastest set that this machine has, determined once in a process. `TALKPATH_SIMD=portable` in the environment
    /// makes it ``portable``, to compare forms or to rule a kernel out as the cause of a fault.
    public static let best: InstructionSet = hasAVX2 && !talkpath_prefers_portable() ? .avx2 : .portable

    /// Every set that this machine has, the plainest first.
    public static let available: [InstructionSet] = allCases.filter { $0.isAvailable }

    /// This set if the machine has it, else ``portable``.
    var usable: InstructionSet { isAvailable ? self : .portable }

    private static let hasAVX2 = talkpath_has_avx2()
}
