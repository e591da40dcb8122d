import Foundation
import TalkpathWire
import Testing

struct NumberingPlanTests {
    private static let samples = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../fixtures/numbering/judged-numbers.txt").standardized

    @Test func `thousands of numbers of all regions and types are judged as libphonenumber judges them`() throws {
        let lines = try String(contentsOf: Self.samples, encoding: .utf8).split(separator: "\n")
        var types: Set<NumberType> = []
        var regions: Set<String> = []
        var wrong: [String] = []
        for line in lines where !line.hasPrefix("#") {
            let parts = line.split(separator: " ").map(String.init)
            let entry = NumberingPlan.shared.entry(of: parts[0])
            // The package keeps short numbers in another module.
            var type = entry?.type ?? .unknown
            if type == .short || type == .emergency { type = .unknown }
            let region = type == .unknown ? "-" : entry?.region ?? "?"
            if [region, type.word] != Array(parts[1...]) { wrong.append("\(line): \(region) \(type.word)") }
            types.insert(type)
            regions.insert(region)
        }
        #expect(wrong.isEmpty, "\(wrong.prefix(20))")
        #expect(lines.count > 3000 && regions.count > 240)
        #expect(types == Set(NumberType.allCases).subtracting([.short, .emergency]))
    }

    @Test(arguments: [
        ("+14155550100", "US", NumberType.fixedOrMobile), ("+18095550100", "DO", .fixedOrMobile),
        ("+14165550100", "CA", .fixedOrMobile), ("+4915123456789", "DE", .mobile), ("+4930123456", "DE", .fixedLine),
        ("+19005550100", "US", .premiumRate), ("+18005551212", "US", .tollFree), ("+881612345678", "001", .mobile),
        ("+49116117", "DE", .short), ("+447781234567", "GG", .mobile), ("+390669812345", "VA", .fixedLine),
    ])
    func `a number has a region and a type`(number: String, region: String, type: NumberType) {
        let entry = NumberingPlan.shared.entry(of: number)
        #expect(entry?.region == region && entry?.type == type)
    }

    @Test func `an invalid number resembles the numbers with the same beginning`() {
        let premium = NumberTypes([NumberType.premiumRate])
        for number in ["+190055501001", "+19000555", "+19000550100", "+97912345678"] {
            let entry = NumberingPlan.shared.entry(of: number)
            #expect(entry?.type == .unknown && entry?.resembles == premium, "\(number)")
        }
        #expect(NumberingPlan.shared.entry(of: "+18090000000")?.region == "DO")
        #expect(NumberingPlan.shared.entry(of: "+12680000000")?.region == "AG")
        #expect(NumberingPlan.shared.entry(of: "+15551230001")?.resembles.contains(.fixedOrMobile) == true)
    }

    @Test(arguments: ["", "+", "14155550100", "+999123456", "+1 4155550100", "+1415555010١"])
    func `texts that are not numbers have no entry`(text: String) {
        #expect(NumberingPlan.shared.entry(of: text) == nil)
    }

    @Test func `types have a word each`() {
        for type in NumberType.allCases { #expect(NumberType(word: type.word) == type) }
        #expect(NumberType(word: "satellite") == nil)
    }
}
