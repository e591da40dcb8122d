import Foundation
import Testing

/// The settings of the unit and the image for crash reports.
@Suite struct CrashReportTests {
    @Test(arguments: ["deploy/talkpath.service", "Dockerfile"])
    func `a crash report is short, is not interactive and shows no memory`(file: String) throws {
        let top = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: top.appendingPathComponent(file), encoding: .utf8)
        let match = try #require(text.firstMatch(of: #/\n(ENV|Environment=) ?SWIFT_BACKTRACE=(\S+)\n/#))
        var settings: [String: String] = [:]
        for pair in match.2.split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            settings[parts[0]] = parts.last
        }
        // Registers would be shown with the memory that they point to.
        #expect(settings["registers"] == "none" && settings["threads"] == "crashed")
        #expect(settings["interactive"] == "no" && settings["timeout"] == "0s")
        // The look-up of lines and inlined functions takes most of the time.
        #expect(["fast", "off"].contains(settings["symbolicate"]))
        #expect((1...64).contains(Int(settings["limit"] ?? "") ?? 0))
        // A static program does not find the tool without a path. Debug information takes the tool many seconds to
        // read.
        #expect(text.contains("swift-backtrace-static"))
        #expect(settings["swift-backtrace"] == "/usr/local/libexec/swift-backtrace")
        #expect(text.contains("strip --strip-debug"))
    }
}
