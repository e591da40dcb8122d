import ArgumentParser
import Foundation
import TalkpathCore
import TalkpathSimulation
import TalkpathWire

/// `talkpath report`: draws one call on one page.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Draw a captured call on one page: waveforms, turns, barge-ins, latencies, the end.",
        discussion: """
            The page needs no other file and plays the recording in step. Capture calls with TALKPATH_CAPTURE=wire and \
            TALKPATH_RECORDINGS_DIR=folder.

            Exit status: 0 if the page was written, 2 if the file is not a capture.
            """
    )

    @Argument(help: ArgumentHelp("A capture: a file that ends in .tpcap.", valueName: "capture"))
    var capture: String

    @Option(help: ArgumentHelp("The page to write.", valueName: "file"))
    var html: String

    func run() async throws {
        do {
            let picture = CallPicture(try Replay(capture).capture)
            try ReplayFile.write(try Self.page(picture), to: html)
            print("\(html): \(Self.summary(picture))")
        } catch let error as ReplayError {
            throw CommandFailure(error.description, status: 2)
        }
    }

    static func page(_ picture: CallPicture) throws -> [UInt8] {
        // `</script>` in a transcript must not end the script.
        let data = picture.json(recording: try picture.recording()).serializedText().replacing("</", with: "<\\/")
        return Array(ReportPage.html.replacing("/*DATA*/", with: data).utf8)
    }

    private static func summary(_ picture: CallPicture) -> String {
        var words = [String(format: "%.1f s", picture.duration / 1000)]
        words.append(count(picture.speeches.count, "turn"))
        words.append(count(picture.bargeIns.count, "barge-in"))
        if let median = picture.medianLatency { words.append(String(format: "median turn latency %.0f ms", median)) }
        if picture.isCut { words.append("the capture was cut off") }
        return words.joined(separator: ", ")
    }

    private static func count(_ number: Int, _ thing: String) -> String {
        "\(number) \(thing)\(number == 1 ? "" : "s")"
    }
}
