import Foundation

extension [Int16] {
    /// Signed, 16 bits, little-endian.
    var bytes: [UInt8] { flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] } }

    init(bytes: [UInt8]) {
        self = stride(from: 0, to: bytes.count - 1, by: 2).map {
            Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8)
        }
    }

    /// Noise without a pattern, the same in every run.
    static func noise(_ count: Int, seed: UInt32 = 1) -> [Int16] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return Int16(truncatingIfNeeded: Int32(bitPattern: state) >> 16)
        }
    }
}

extension [UInt8] {
    /// Cut into pieces of 1 to `longest` bytes, some of them odd.
    func pieces(longest: Int, seed: UInt32) -> [[UInt8]] {
        var state = seed
        var rest = self[...]
        var pieces: [[UInt8]] = []
        while !rest.isEmpty {
            state = state &* 1_664_525 &+ 1_013_904_223
            let piece = rest.prefix(1 + Int(state >> 8) % longest)
            pieces.append([UInt8](piece))
            rest = rest.dropFirst(piece.count)
        }
        return pieces
    }
}

/// Third-party programs that make and judge audio, if they are installed.
enum Sox {
    static let path: String? = {
        let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
        return folders.map { "\($0)/sox" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    /// Returns its standard output.
    static func run(_ arguments: [String], input: [UInt8] = []) throws -> [UInt8] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (source, target) = (folder.appendingPathComponent("in.raw"), folder.appendingPathComponent("out.raw"))
        try Data(input).write(to: source)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path ?? "sox")
        process.arguments = arguments.map { $0 == "IN" ? source.path : $0 == "OUT" ? target.path : $0 }
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return [UInt8](try Data(contentsOf: target))
    }
}
