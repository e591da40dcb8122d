import Testing

@testable import TalkpathWire

struct JSONValueTests {
    @Test(
        arguments: [
            ("null", JSONValue.null), (" true ", true), ("\tfalse\r\n", false), ("0", 0),
            ("-0", .number(JSONNumber(validated: "-0"))),
            ("12", 12), ("\"\"", ""), ("[]", []), ("[ ]", []), ("{}", [:]), ("{ }", [:]), ("[1, 2 ,3]", [1, 2, 3]),
            (#"{"a":{"b":[null,{"c":"d"}]}}"#, ["a": ["b": [nil, ["c": "d"]]]]),
            (#""\u0041\n\/\\\"\b\f\r\t""#, "A\n/\\\"\u{8}\u{C}\r\t"),
            (#""\uD83D\uDE00""#, "😀"), (#""\ud83d\ude00""#, "😀"), (#""\u0000""#, "\u{0}"), ("\"\u{7F}\"", "\u{7F}"),
            ("\"\u{2028}\u{FFFF}\u{10FFFF}\"", "\u{2028}\u{FFFF}\u{10FFFF}"), (#"{"":0}"#, ["": 0]),
            (#"{"\u0061":1}"#, ["a": 1]),
        ] as [(String, JSONValue)]
    )
    func `legal text is read`(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "tru", "truefalse", "+1", "01", "-01", "-", "1.", ".5", "1.e3", "1e", "1e+",
        "0x10", "1_000",
        "Infinity", "NaN", "--1", "1 2", "[", "]", "[1,]", "[,1]", "[1 2]", "[1,,2]", "[1", "{", "}", "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}",
        "{,\"a\":1}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{a:1}", "{'a':1}", "{\"a\":1", "{1:2}", "{\"a\"::1}", "[1]]",
        "{}{}", "\"", "\"a",
        "\"\\\"", "\"\\x41\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\U0041\"", "\"\\a\"", "\"\n\"", "\"\t\"", "\"\u{0}\"",
        "\"\u{1F}\"",
        "'a'", "/**/1", "1//", "\u{FEFF}1", "\u{A0}1", "\u{B}1", "\u{C}1", "[1}", "{\"a\":1]", "\u{0}", "1\u{0}",
        "[\"a\":1]", "{\"a\",1}",
    ])
    func `illegal text is refused`(text: String) {
        let error = #expect(throws: WireError.self) { try JSONValue(parsing: text) }
        #expect(error?.code == .malformedJSON)
    }

    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
            [0xE2, 0x82],
            [0xE2, 0x28, 0xA1], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80],
            [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        ] as [[UInt8]]
    )
    func `text that is not UTF-8 is refused, in keys, in values and anywhere in a run`(bytes: [UInt8]) {
        for length in 0..<20 {
            let run = [UInt8](repeating: 0x61, count: length)
            let string = [0x22] + run + bytes + run + [0x22]
            #expect(throws: WireError.self) { try JSONValue(parsing: string) }
            #expect(throws: WireError.self) { try JSONValue(parsing: [0x7B] + string + Array(":1}".utf8)) }
        }
    }

    @Test func `every scalar beyond ASCII passes at the edges of its length`() throws {
        for value: UInt32 in [
            0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xCFFF, 0xD7FF, 0xE000, 0xFFFD, 0x10000, 0x3FFFF, 0x40000, 0xFFFFF,
            0x10FFFF,
        ] {
            let text = String(Unicode.Scalar(value)!)
            #expect(try JSONValue(parsing: "\"\(text)\"") == .string(text))
        }
    }

    @Test(arguments: [
        #""\uD800""#, #""\uDC00""#, #""\uD800x""#, #""\uD800\n""#, #""\uDC00\uD800""#, #""\uD800\uD800""#,
    ])
    func `a lone surrogate becomes a replacement character`(text: String) throws {
        let string = try #require(try JSONValue(parsing: text).string)
        #expect(string.unicodeScalars.contains("\u{FFFD}"))
    }

    @Test func `half a pair followed by a whole one loses only itself`() throws {
        #expect(try JSONValue(parsing: #""\uD83D\uD83D\uDE00""#) == .string("\u{FFFD}😀"))
    }

    @Test func `64 levels are read and 65 refused, in arrays, in objects and when skipped`() throws {
        func arrays(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        func objects(_ depth: Int) -> String {
            String(repeating: #"{"a":"#, count: depth) + "1" + String(repeating: "}", count: depth)
        }
        for make in [arrays, objects] {
            #expect(throws: Never.self) { try JSONValue(parsing: make(64)) }
            #expect(throws: WireError.self) { try JSONValue(parsing: make(65)) }
            #expect(throws: WireError.self) { try JSONValue(parsing: make(100_000)) }
            for (depth, isLegal) in [(64, true), (65, false)] {
                let skipped = Array(make(depth).utf8).withUnsafeBytes { bytes in
                    var scanner = JSONScanner(bytes)
                    return (try? scanner.skipValue()) != nil
                }
                #expect(skipped == isLegal)
            }
        }
        // Arrays side by side do not add to the depth.
        let beside = "[" + Array(repeating: arrays(10), count: 100).joined(separator: ",") + "]"
        #expect(try JSONValue(parsing: beside).array?.count == 100)
    }

    @Test func `the last value of a repeated key counts`() throws {
        #expect(try JSONValue(parsing: #"{"a":1,"b":2,"\u0061":3}"#) == ["a": 3, "b": 2])
        let many = (0..<5000).map { #""k\#($0 % 1000)":\#($0)"# }.joined(separator: ",")
        let members = try #require(try JSONValue(parsing: "{\(many)}").object)
        #expect(members.count == 1000)
        #expect(members.allSatisfy { "k\($0.value.int! - 4000)" == $0.key })
    }

    @Test func `keys that are equal in Swift but not in JSON are two keys`() throws {
        let value = try JSONValue(parsing: "{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(value["\u{E9}"]?.int == 1)
        #expect(value["e\u{301}"]?.int == 2)
        #expect(JSONValue.string("\u{E9}") != .string("e\u{301}"))
    }

    @Test func `numbers keep their text and give whole numbers only where they are whole`() throws {
        func number(_ text: String) throws -> JSONValue { try JSONValue(parsing: text) }
        #expect(try number("9223372036854775807").int == Int.max)
        #expect(try number("-9223372036854775808").int == Int.min)
        #expect(try number("9223372036854775808").int == nil)
        #expect(try number("7.0").int == 7)
        #expect(try number("70e-1").int == 7)
        #expect(try number("1E2").int == 100)
        #expect(try number("7.5").int == nil)
        #expect(try number("1e400").double == nil)
        #expect(try number("1e400").int == nil)
        #expect(try number("0.1").double == 0.1)
        #expect(try number("0.10000000000000000000001").serializedText() == "0.10000000000000000000001")
        #expect(try number("\"7\"").int == nil)
        #expect(JSONNumber(Double.nan) == nil)
        #expect(JSONNumber(-Double.infinity) == nil)
    }

    @Test func `members and elements are found, and missing ones are nil`() throws {
        let value = try JSONValue(parsing: #"{"a":{"b":"c"},"n":[1,true,null]}"#)
        #expect(value["a"]?["b"]?.string == "c")
        #expect(value["n"]?[1]?.bool == true)
        #expect(value["n"]?[2]?.isNull == true)
        #expect(value["n"]?[3] == nil)
        #expect(value["n"]?[-1] == nil)
        #expect(value["x"]?["b"] == nil)
        #expect(value[0] == nil)
        #expect(value["a"]?.string == nil)
    }

    @Test func `any value is parsed from any of its legal forms`() throws {
        for seed in 0..<3000 as Range<UInt64> {
            var noise = JSONNoise(generator: SeededGenerator(seed: seed))
            let value = noise.anything(depth: 5)
            #expect(try JSONValue(parsing: noise.text(value)) == value, "seed \(seed)")
            #expect(try JSONValue(parsing: value.serialized()) == value, "seed \(seed)")
        }
    }

    @Test func `every legal text is skipped exactly, and no prefix of an object counts as one`() throws {
        for seed in 0..<300 as Range<UInt64> {
            var noise = JSONNoise(generator: SeededGenerator(seed: seed))
            let text = Array(noise.text(["a": noise.anything(), "b": noise.anything()]).utf8)
            let last = text.lastIndex(of: UInt8(ascii: "}"))!
            for length in 0...text.count {
                let prefix = Array(text[0..<length])
                #expect((try? JSONValue(parsing: prefix)) == nil || length > last, "seed \(seed), length \(length)")
            }
        }
    }

    @Test func `members are set, replaced and removed`() {
        var value: JSONValue = ["a": 1]
        value.set("b", "x")
        value.set("a", 2)
        #expect(value == ["b": "x", "a": 2])
        value.set("a", nil)
        #expect(value.serializedText() == #"{"b":"x"}"#)
    }
}
