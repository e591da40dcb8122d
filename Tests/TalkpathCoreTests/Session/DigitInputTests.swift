import TalkpathAudio
import Testing

@testable import TalkpathCore

struct DigitInputTests {
    private func at(_ milliseconds: Int) -> MonotonicInstant { .at(milliseconds: milliseconds) }

    private func collected(_ digits: String, _ completion: CollectedDigits.Completion) -> [DigitInput.Action] {
        [.collected(CollectedDigits(digits: digits, completion: completion))]
    }

    @Test func `keys in quick succession are sent to the agent in one piece`() {
        var input = DigitInput(tellsAgent: true)
        #expect(input.pressed("4", at: at(0)) == [])
        #expect(input.pressed("*", at: at(900)) == [])
        #expect(input.tick(at: at(2300)) == [])
        #expect(input.tick(at: at(2400)) == [.tell("[The caller pressed on the keypad: 4 star]")])
        #expect(input.tick(at: at(9000)) == [])
    }

    @Test func `an agent without leave to know gets no keys`() {
        var input = DigitInput(tellsAgent: false)
        _ = input.pressed("4", at: at(0))
        #expect(input.tick(at: at(9000)) == [])
    }

    @Test func `a collected number is complete with its terminator, and the agent does not get it`() {
        var input = DigitInput(tellsAgent: true)
        input.collect(DigitRequest(), at: at(0))
        #expect(input.isCollecting)
        for (index, key) in "1234".enumerated() { #expect(input.pressed(key, at: at(index * 300)) == []) }
        #expect(input.pressed("#", at: at(1500)) == collected("1234", .terminator))
        #expect(!input.isCollecting)
        #expect(input.tick(at: at(60_000)) == [])
    }

    @Test func `a collected number is complete with its requested number of digits`() {
        var input = DigitInput(tellsAgent: true)
        input.collect(DigitRequest(maximum: 2, terminator: nil), at: at(0))
        #expect(input.pressed("#", at: at(1)) == [])
        #expect(input.pressed("7", at: at(2)) == collected("#7", .maximum))
        // The agent gets the later keys again.
        _ = input.pressed("1", at: at(3))
        #expect(input.tick(at: at(5000)) == [.tell("[The caller pressed on the keypad: 1]")])
    }

    @Test func `a collection ends when the caller hesitates, before the first digit or between two`() {
        var input = DigitInput(tellsAgent: true)
        let request = DigitRequest(timeout: .seconds(5), digitTimeout: .seconds(2))
        input.collect(request, at: at(0))
        #expect(input.tick(at: at(4980)) == [])
        #expect(input.tick(at: at(5000)) == collected("", .timeout))
        input.collect(request, at: at(0))
        _ = input.pressed("9", at: at(4900))
        #expect(input.tick(at: at(6880)) == [])
        #expect(input.tick(at: at(6900)) == collected("9", .timeout))
    }

    @Test func `keys beyond the limit are not counted`() {
        var input = DigitInput(tellsAgent: true)
        input.collect(DigitRequest(), at: at(0))
        var actions: [DigitInput.Action] = []
        for _ in 0..<DigitInput.limit { actions += input.pressed("1", at: at(0)) }
        #expect(actions == collected(String(repeating: "1", count: DigitInput.limit), .maximum))
    }

    @Test func `digits are not logged`() {
        let digits = CollectedDigits(digits: "4242", completion: .maximum)
        #expect(!"\(digits) \(String(reflecting: digits))".contains("42"))
        var text = ""
        dump(digits, to: &text)
        #expect(!text.contains("42"))
    }
}
