import TalkpathWire
import Testing

@testable import talkpath

/// Tables and timelines in a narrow terminal.
@Suite struct TerminalTableTests {
    private static let id = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

    private func calls(width: Int, ended: String = "") -> String {
        var table = TerminalTable(
            ["CALL", "STATUS", .init("DIRECTION", rank: 1), .init("TO", rank: 2), "DURATION", "ENDED BECAUSE"],
            hasColours: false,
            width: width
        )
        let row = [Self.id, "completed", "outbound", "+14155550100", "12.3 s", ended]
        table.add(row.map { .init($0) })
        return table.text
    }

    @Test func `a table that fits shows every column that is not empty`() {
        let text = calls(width: 200)
        #expect(text.contains("DIRECTION") && text.contains("TO") && !text.contains("ENDED BECAUSE"))
    }

    @Test func `columns of low rank are left out until the lines fit`() {
        for width in 80...140 {
            let text = calls(width: width, ended: "caller_hangup")
            #expect(text.split(separator: "\n").allSatisfy { $0.count <= width }, "\(text)")
            #expect(text.contains(Self.id) && text.contains("caller_hangup") && text.contains("12.3 s"))
        }
        #expect(!calls(width: 80, ended: "caller_hangup").contains("DIRECTION"))
    }

    @Test func `the last column wraps between words`() {
        var table = TerminalTable(["AT", "WHO", "SAID"], hasColours: false, width: 60)
        let words = Array(repeating: "appointment", count: 12).joined(separator: " ")
        table.add([.init("1.0 s"), .init("caller"), .init(words)])
        let lines = table.text.split(separator: "\n")
        #expect(lines.count > 3 && lines.allSatisfy { $0.count <= 60 })
        #expect(lines.dropFirst(2).allSatisfy { $0.hasPrefix("               appointment") })
    }

    @Test func `a word longer than the line is not broken`() {
        let word = String(repeating: "x", count: 50)
        #expect(TextWrapping.lines(of: "a \(word) b", width: 20) == ["a", word, "b"])
        #expect(TextWrapping.lines(of: "", width: 20) == [""])
    }

    @Test func `a call shows the reason and the requester of its end`() {
        let page = CallRows.page([
            "call_id": "c-1", "status": "completed", "ended_reason": "media_lost", "duration_ms": 1200,
            "receipt": [
                "status": "completed", "ended_reason": "media_lost", "ended_by": "carrier", "duration_ms": 1200,
                "carrier_confirmed": true, "steps": [],
                "carrier_errors": [["source": "stream", "code": 31921, "message": "Stream broke"]],
            ],
        ])
        #expect(page.contains("ended because  media_lost, by the carrier\n"), "\(page)")
        #expect(page.contains("carrier error  stream 31921 Stream broke\n"), "\(page)")
    }
}
