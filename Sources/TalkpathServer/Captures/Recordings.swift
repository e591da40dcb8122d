public import TalkpathCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The folder of captures and recordings, whose files are named after their call.
///
/// | file | content |
/// |---|---|
/// | `<call id>.tpcap` | both sockets' messages, for `talkpath replay` and `talkpath report` |
/// | `<call id>.ogg` or `.wav` | the sound of the call in stereo: the caller left, the agent right |
///
/// A file exists from the call's beginning and grows with it. It can be read at any time.
public struct Recordings: Sendable, Hashable {
    public enum AudioFormat: String, Sendable, CaseIterable {
        /// Opus, about a quarter of a megabyte a minute.
        case ogg
        /// µ-law, as on the line, about a megabyte a minute.
        case wav

        /// The media type for HTTP.
        public var mediaType: String {
            switch self {
            case .ogg: "audio/ogg"
            case .wav: "audio/wav"
            }
        }
    }

    public let folder: String
    public var audioFormat: AudioFormat

    public init(folder: String, audioFormat: AudioFormat = .ogg) {
        self.folder = folder
        self.audioFormat = audioFormat
    }

    /// The path of a call's wire capture, whether the file exists or not.
    /// - Returns: `nil` for an identifier that cannot be a call's.
    public func wirePath(of call: CallID) -> String? {
        path(of: call, suffix: "tpcap")
    }

    /// The path of a call's recording, whether the file exists or not.
    public func audioPath(of call: CallID, as format: AudioFormat? = nil) -> String? {
        path(of: call, suffix: (format ?? audioFormat).rawValue)
    }

    /// The recording of a call that was kept.
    /// - Returns: `nil` if there is none.
    public func recording(of call: CallID) -> (path: String, format: AudioFormat)? {
        for format in AudioFormat.allCases {
            if let path = audioPath(of: call, as: format), access(path, R_OK) == 0 { return (path, format) }
        }
        return nil
    }

    /// The path of an existing wire capture.
    /// - Returns: `nil` if there is none.
    func capture(of call: CallID) -> String? {
        wirePath(of: call).flatMap { access($0, R_OK) == 0 ? $0 : nil }
    }

    /// Returns the files in the folder whose names are a call's.
    func all() -> [KeptFile] {
        guard let listing = opendir(folder) else { return [] }
        defer { closedir(listing) }
        var files: [KeptFile] = []
        while let entry = readdir(listing) {
            // The system ends the name with a zero byte inside the entry.
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let call = CallID(String(parts[0]))
            let isRecording = AudioFormat(rawValue: String(parts[1])) != nil
            guard isRecording || parts[1] == "tpcap", let path = path(of: call, suffix: String(parts[1])) else {
                continue
            }
            files.append(KeptFile(call: call, path: path, isRecording: isRecording))
        }
        return files
    }

    /// Removes all files of a call.
    public func remove(_ call: CallID) {
        let paths = [wirePath(of: call)] + AudioFormat.allCases.map { audioPath(of: call, as: $0) }
        for case let path? in paths { unlink(path) }
    }

    private func path(of call: CallID, suffix: String) -> String? {
        let isPlain = call.text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isPlain, !call.text.isEmpty, call.text.utf8.count <= 100 else { return nil }
        return "\(folder)/\(call.text).\(suffix)"
    }
}
