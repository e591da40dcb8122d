import TalkpathAudio
import Testing

@testable import TalkpathSimulators

@Suite struct CallCodeTests {
    @Test func `a voice repeats after a second and does not clip`() {
        let samples = CallCode(call: 3).samples()
        #expect(samples.count == 8000)
        let peak = samples.reduce(0) { max($0, abs($1)) }
        #expect(peak > 5000 && peak < 32_000)
        #expect(CallCode(call: 3).samples() == samples)
    }

    @Test func `no two of two hundred voices are alike in any aligned frame`() {
        let voices = (0..<200).map { CallCode(call: $0).samples() }
        let frame = Array(voices[17][1600..<1760])
        let alike = voices.indices.filter { CallCodeListener.holds(frame, voices[$0]) }
        #expect(alike == [17])
    }

    @Test(arguments: [0, 28, 86.0 / 3, 123.25, 7999])
    func `a delay is measured to a twelfth of a sample`(delay: Double) throws {
        let code = CallCode(call: 5)
        let found = try #require(code.delay(of: code.samples(delayedBy: delay)))
        #expect(abs(found - delay) <= 1.0 / 24 + 1e-9)
    }

    @Test func `another voice and silence have no delay`() {
        let code = CallCode(call: 5)
        #expect(code.delay(of: CallCode(call: 6).samples()) == nil)
        #expect(code.delay(of: [Float](repeating: 0, count: 8000)) == nil)
    }
}

@Suite struct CallEarTests {
    private static let table = LoadVoice.decodingTable

    /// The findings of one ear in ten seconds of a voice with a fault in it.
    private static func findings(_ tamper: (inout [UInt8]) -> Void) -> CallCodeListener.Findings {
        let code = CallCode(call: 0)
        let second = code.muLaw()
        var stream = (0..<10).flatMap { _ in second }
        tamper(&stream)
        var ear = CallCodeListener(reference: code.samples())
        let (before, after) = (stream[..<8000], stream[8000...])
        Array(before).withUnsafeBufferPointer { ear.hear($0, decoding: table) }
        ear.beginJudging()
        Array(after).withUnsafeBufferPointer { ear.hear($0, decoding: table) }
        return ear.findings
    }

    @Test func `a complete echo gives no findings`() {
        let findings = Self.findings { _ in }
        #expect(findings.frames == 450)
        #expect(findings.goodFrames == 450)
        #expect(findings.damagedFrames == 0 && findings.lostSamples == 0 && findings.repeatedSamples == 0)
    }

    @Test(arguments: [1, 8, 160, 161, 1600])
    func `each missing sample is counted`(count: Int) {
        let findings = Self.findings { $0.removeSubrange(20_000..<20_000 + count) }
        #expect(findings.lostSamples == count)
        #expect(findings.repeatedSamples == 0)
    }

    @Test(arguments: [8, 160])
    func `each repeated sample is counted`(count: Int) {
        let findings = Self.findings { $0.insert(contentsOf: $0[20_000..<20_000 + count], at: 20_000) }
        #expect(findings.repeatedSamples == count)
        #expect(findings.lostSamples == 0)
    }

    @Test func `a millisecond of silence is damage, wherever it lies`() {
        for start in stride(from: 30_000, to: 30_160, by: 8) {
            let findings = Self.findings { $0.replaceSubrange(start..<start + 8, with: repeatElement(0xFF, count: 8)) }
            #expect((1...2).contains(findings.damagedFrames))
            #expect(findings.lostSamples == 0)
        }
    }

    @Test func `a frame of another caller is damage, and the caller is identified`() {
        let other = CallCode(call: 1).muLaw()
        let findings = Self.findings { $0.replaceSubrange(32_000..<32_160, with: other[480..<640]) }
        #expect(findings.damagedFrames == 1)
        #expect(LoadVoice.foreignFrames(in: [findings.evidence, []], delay: 0) == 1)
    }

    @Test func `another caller heard softly behind one's own voice is identified, too`() {
        let other = CallCode(call: 1).samples()
        let findings = Self.findings { stream in
            for index in 32_000..<32_160 {
                let mixed = Self.table[Int(stream[index])] + other[index % 8000] / 5
                stream[index] = MuLaw.encode(Int16(mixed))
            }
        }
        #expect(findings.damagedFrames == 1)
        #expect(LoadVoice.foreignFrames(in: [findings.evidence, []], delay: 0) == 1)
    }
}

@Suite struct CapacitySearchTests {
    /// Tries every requested number of calls on a machine that carries that many.
    private static func search(capacity: Int, first: Int, most: Int = 10_000) -> (best: Int, tries: [Int]) {
        var search = CapacitySearch(first: first, precision: 0.05, most: most)
        var tries: [Int] = []
        while let calls = search.next {
            tries.append(calls)
            search.note(calls <= capacity)
        }
        return (search.best, tries)
    }

    @Test(arguments: [0, 1, 7, 49, 50, 51, 187, 400, 5000])
    func `the found number of calls is sustained, and a twentieth more is not`(capacity: Int) {
        let (best, tries) = Self.search(capacity: capacity, first: 50)
        #expect(best <= capacity)
        #expect(best + max(1, best / 20) >= capacity)
        #expect(tries.count < 20)
        #expect(Set(tries).count == tries.count)
    }

    @Test func `the search tries no more than the limit`() {
        let (best, tries) = Self.search(capacity: 1000, first: 50, most: 120)
        #expect(best == 120)
        #expect(tries == [50, 100, 120])
    }
}
