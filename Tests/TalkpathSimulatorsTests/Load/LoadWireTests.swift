#if os(Linux)
import Testing

@testable import TalkpathSimulators

@Suite struct LoadWireTests {
    @Test func `Base64 is decoded as by the plain decoder`() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
            let text = PlainBase64.encoded(bytes)
            var target = [UInt8](repeating: 0, count: 128)
            let read = text.withUnsafeBytes { text in
                target.withUnsafeMutableBufferPointer { LoadBase64.decode(text, into: $0) }
            }
            #expect(Array(target[..<read]) == bytes)
        }
    }

    @Test func `numbers are written as they are read`() {
        var memory = [UInt8](repeating: 0, count: 64)
        for number in [0, 1, 9, 10, 99, 100, 12_345, 1_000_000_007] {
            let count = memory.withUnsafeMutableBytes { target in
                var text = LoadText(target.baseAddress!)
                text.append(number)
                return text.count
            }
            #expect(String(decoding: memory[..<count], as: UTF8.self) == "\(number)")
        }
    }

    @Test(arguments: [
        ("ws://127.0.0.1:8080/a/b", "127.0.0.1", 8080, "/a/b"),
        ("ws://localhost:90", "127.0.0.1", 90, "/twilio/media-stream"),
        ("ws://10.0.0.1/x", "10.0.0.1", 80, "/x"),
    ])
    func `valid addresses are parsed`(url: String, host: String, port: Int, path: String) throws {
        let target = try LoadTarget(url: url)
        #expect(target.host == host && target.port == port && target.path == path)
    }

    @Test(arguments: [
        "", "wss://127.0.0.1:1/x", "http://127.0.0.1", "ws://example.com:1", "ws://127.0.0.1:0", "ws://:1",
    ])
    func `other addresses are refused`(url: String) {
        #expect(throws: LoadError(.invalidAddress, "")) { try LoadTarget(url: url) }
    }

    @Test func `a port without a listener is reported at once`() throws {
        // A port that was free a moment ago.
        let port = try LoadModelPort().port
        let target = try LoadTarget(url: "ws://127.0.0.1:\(port)")
        let run = try LoadRun(
            LoadRun.Plan(target: target, shape: LoadShape(provider: .openAI, format: .pcm)),
            model: LoadModelPort()
        )
        #expect(throws: LoadError(.refused, "")) { try run.open(calls: 1) }
    }
}
#endif
