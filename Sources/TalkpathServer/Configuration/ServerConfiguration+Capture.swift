import TalkpathCore

extension ServerConfiguration {
    /// Reads the capture settings. Call this after the storage: by default the folder is in the data folder.
    mutating func readCapture(_ settings: inout SettingsReader) {
        if let words = settings.text(.capture) {
            if let policy = CapturePolicy(words: words) {
                capture = policy
            } else {
                settings.report(.capture, "must be off, wire, audio or wire,audio")
            }
        }
        let format = settings.word(.recordingFormat, as: Recordings.AudioFormat.self) ?? .ogg
        let folder = settings.text(.recordings) ?? storage.folder.map { $0 + "/recordings" }
        recordings = storage.recordings.isOff ? nil : folder.map { Recordings(folder: $0, audioFormat: format) }
    }

    func captureProblems() -> [ConfigurationError.Problem] {
        let isWished = !capture.isNothing || !(agent.capture ?? .nothing).isNothing
        guard isWished, recordings == nil else { return [] }
        let message =
            storage.recordings.isOff
            ? "is asked for, but \(Setting.keepRecordings.rawValue) is off"
            : "is asked for: name a folder with \(Setting.recordings.rawValue)"
        return [problem(.capture, message)]
    }
}
