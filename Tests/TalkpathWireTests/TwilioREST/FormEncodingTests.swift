import TalkpathWire
import Testing

@Suite("Forms")
struct FormEncodingTests {
    /// The results of Python's `urllib.parse.parse_qsl(keep_blank_values=True)` and of the URL Standard.
    @Test(arguments: [
        ("", [] as [[String]]),
        ("a=1&b=2", [["a", "1"], ["b", "2"]]),
        ("a=1&a=2&a=1", [["a", "1"], ["a", "2"], ["a", "1"]]),
        ("To=%2B15551230002&x=a+b%20c", [["To", "+15551230002"], ["x", "a b c"]]),
        ("a=&b&=c&=", [["a", ""], ["b", ""], ["", "c"], ["", ""]]),
        ("&&a=1&&", [["a", "1"]]),
        ("a=b=c", [["a", "b=c"]]),
        ("%61%3D=%26", [["a=", "&"]]),
        ("a=%&b=%4&c=%zz&d=%4g&e=%%41", [["a", "%"], ["b", "%4"], ["c", "%zz"], ["d", "%4g"], ["e", "%A"]]),
        ("a=Gr%C3%BC%c3%9fe+%E4%B8%96", [["a", "Grüße 世"]]),
        ("a=%FF&b=%C3", [["a", "\u{FFFD}"], ["b", "\u{FFFD}"]]),
        ("a=%00;b=1", [["a", "\0;b=1"]]),
    ])
    func `a form is decoded as servers decode it`(text: String, fields: [[String]]) throws {
        let form = try FormParameters(decoding: text)
        #expect(form.fields.map { [$0.name, $0.value] } == fields)
    }

    @Test func `a form is encoded by the URL Standard`() {
        let form: FormParameters = ["To": "+15551230002", "a b": "*-._~ &=%é", "e": ""]
        #expect(String(decoding: form.encoded(), as: UTF8.self) == "To=%2B15551230002&a+b=*-._%7E+%26%3D%25%C3%A9&e=")
    }

    @Test func `every byte survives encoding and decoding`() throws {
        let everything = String(String.UnicodeScalarView((0..<0x2000).compactMap(Unicode.Scalar.init)))
        let form = FormParameters([(name: everything, value: everything), (name: "", value: "x")])
        #expect(try FormParameters(decoding: form.encoded()) == form)
    }

    @Test func `a form beyond the limits is refused`() throws {
        let limits = FormParameters.Limits(bytes: 11, fields: 3)
        #expect(try FormParameters(decoding: "a=1&b=2&c=3", limits: limits).fields.count == 3)
        #expect(throws: FormDecodingError(code: .tooManyFields, limit: 3)) {
            try FormParameters(decoding: "a&b&c&d", limits: limits)
        }
        #expect(throws: FormDecodingError(code: .tooManyBytes, limit: 11)) {
            try FormParameters(decoding: "a=1&b=2&c=34", limits: limits)
        }
    }

    @Test func `names are compared by their bytes`() {
        let form: FormParameters = ["\u{e9}": "composed", "e\u{301}": "decomposed", "e\u{301}": "again"]
        #expect(form["\u{e9}"] == "composed")
        #expect(form["e\u{301}"] == "decomposed")
        #expect(form.values(of: "e\u{301}") == ["decomposed", "again"])
        #expect(form["E"] == nil)
        #expect(form != ["e\u{301}": "composed", "e\u{301}": "decomposed", "e\u{301}": "again"])
    }

    @Test func `descriptions contain names only`() {
        let form: FormParameters = ["From": "+15551230001"]
        var dumped = ""
        dump(form, to: &dumped)
        let text = "\(form) \(String(reflecting: form)) \(dumped)"
        #expect(text.contains("From") && !text.contains("1555"))
    }
}
