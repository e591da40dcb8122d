import Foundation
import Testing

/// Independent programs that check our files, where they are installed.
enum ExternalTool {
    static let opusdec = path(of: "opusdec")
    static let sox = path(of: "sox")
    static let ffmpeg = path(of: "ffmpeg")
    static let multimonNG = path(of: "multimon-ng")

    private static func path(of name: String) -> String? {
        let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
        return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs a program whose last arguments are its input file, its output file and `effects`. Returns the bytes of the
    /// output file.
    static func run(
        _ tool: String,
        _ arguments: [String],
        on input: [UInt8],
        kind: String = "bin",
        effects: [String] = []
    ) throws -> [UInt8] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = folder.appendingPathComponent("input.\(kind)")
        let target = folder.appendingPathComponent("output.wav")
        try Data(input).write(to: source)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: tool)
        process.arguments = arguments + [source.path, target.path] + effects
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return Array(try Data(contentsOf: target))
    }

    /// Runs a program whose last argument is its input file. Returns its standard output.
    static func standardOutput(of tool: String, _ arguments: [String], on input: [UInt8]) throws -> String {
        let source = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: source) }
        try Data(input).write(to: source)
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: tool)
        process.arguments = arguments + [source.path]
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: output, as: UTF8.self)
    }
}
