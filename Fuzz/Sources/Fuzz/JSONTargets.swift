import Foundation
import TalkpathWire

extension FuzzTarget {
    /// The parser against Foundation's, and against its own serialization.
    static let json = FuzzTarget(name: "json") { input in
        let ours = try? JSONValue(parsing: input)
        let theirs = foundation(input)
        if let ours {
            let text = ours.serialized()
            let again = try? JSONValue(parsing: text)
            expect(again == ours, "what is written is read as something else")
            expect(theirs != nil || mayBeRefused(input), "only we take it")
            // Foundation reads a number to the nearest double, and drops a byte order mark within a string.
            guard let theirs, !isWild(ours) else { return }
            expect(foundation(text) == theirs, "Foundation reads what is written as something else")
        } else if theirs != nil {
            // It guesses encodings from a byte order mark or zeros, nests deeper, and takes a comma before a bracket.
            let isText = String(validating: input, as: UTF8.self) != nil
            let isPlain = isText && !input.contains(0) && !input.starts(with: [0xEF])
            expect(!isPlain || depth(input) > 60 || hasIdleComma(input), "only Foundation takes it")
        }
    }

    private static func foundation(_ text: [UInt8]) -> NSObject? {
        try? JSONSerialization.jsonObject(with: Data(text), options: [.fragmentsAllowed]) as? NSObject
    }

    private static func hasIdleComma(_ text: [UInt8]) -> Bool {
        let solid = text.filter { $0 > 0x20 }
        return zip(solid, solid.dropFirst()).contains { $0 == UInt8(ascii: ",") && ($1 | 0x20) == UInt8(ascii: "}") }
    }

    private static func depth(_ text: [UInt8]) -> Int {
        text.count { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }
    }

    /// Foundation refuses numbers beyond a double, and half of a pair of surrogates, which is U+FFFD for us.
    private static func mayBeRefused(_ text: [UInt8]) -> Bool {
        var digits = 0
        var afterExponent = false
        for (index, byte) in text.enumerated() {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digits += 1
            case UInt8(ascii: "+"), UInt8(ascii: "-"): break
            case UInt8(ascii: "e"), UInt8(ascii: "E"): (digits, afterExponent) = (0, true)
            case UInt8(ascii: "u"):
                if index + 1 < text.count, text[index + 1] | 0x20 == UInt8(ascii: "d") { return true }
                (digits, afterExponent) = (0, false)
            default: (digits, afterExponent) = (0, false)
            }
            if digits > (afterExponent ? 2 : 30) { return true }
        }
        return false
    }

    private static func isWild(_ value: JSONValue) -> Bool {
        switch value {
        case .number(let number):
            let double = Double(number.description) ?? .infinity
            return !double.isFinite || number.description.utf8.count > 15
        case .string(let text): return text.unicodeScalars.contains { $0 == "\u{FFFD}" || $0 == "\u{FEFF}" }
        case .array(let values): return values.contains(where: isWild)
        case .object(let members): return members.contains { isWild(.string($0.key)) || isWild($0.value) }
        default: return false
        }
    }
}
