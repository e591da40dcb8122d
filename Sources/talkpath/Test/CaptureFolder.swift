import Foundation
import TalkpathConversationTests
import TalkpathCore
import TalkpathSimulation

/// The folder that gets a capture of each test that fails.
struct CaptureFolder {
    private let folder: String
    private var names: Set<String> = []
    /// The first capture that could not be written.
    private(set) var fault: ReplayError?

    init(_ folder: String) throws {
        self.folder = folder
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure("\(folder): the folder cannot be made: \(error.localizedDescription)", status: 2)
        }
    }

    /// Writes the capture of the run that failed, if there is one.
    mutating func keep(_ result: TestResult) {
        guard !result.isPassed, let capture = result.failed?.call.capture else { return }
        let file = "\(folder)/\(name(of: result.test)).tpcap"
        do throws(ReplayError) {
            try ReplayFile.write(capture.encoded(isSlim: true), to: file)
            print("\(file): talkpath report draws it")
        } catch {
            fault = fault ?? error
        }
    }

    /// The test's name in letters, digits and hyphens. No two tests of a run have the same.
    mutating func name(of test: ConversationTest) -> String {
        let plain = String(test.name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }.prefix(80))
        var name = plain
        var number = 1
        while !names.insert(name.lowercased()).inserted {
            number += 1
            name = "\(plain)-\(number)"
        }
        return name
    }
}
