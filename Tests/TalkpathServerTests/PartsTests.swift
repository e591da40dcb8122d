import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct PartsTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"), (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
        (4_107_542_400_250, "2100-03-01T00:00:00.250Z"), (1_772_366_400_250, "2026-03-01T12:00:00.250Z"),
    ])
    func `times are written as RFC 3339`(milliseconds: Int64, text: String) {
        #expect(WallTime(milliseconds: milliseconds).rfc3339 == text)
    }

    @Test(arguments: ["+14155550101", "+4930123", "+123456789012345"])
    func `good numbers are accepted`(number: String) {
        #expect(PhoneNumber.isE164(number) && !PhoneNumber.isEmergency(number))
    }

    @Test(arguments: [
        "", "+", "14155550101", "+04155550101", "+1415555", "+1234567890123456", "+1415 5550101", "+1415555010١",
    ])
    func `bad numbers are refused`(number: String) {
        #expect(PhoneNumber.isE164(number) == (number == "+1415555"))
    }

    @Test(arguments: [
        "911", "+911", "112", "+49112", "+1911", "+44999", "00112", "1-1-2", "+19115550101", "+14115550101",
    ])
    func `emergency numbers are refused with every allow list`(number: String) {
        #expect(Destinations(prefixes: ["+"]).verdict(on: number) == .emergency)
    }

    @Test func `numbers are removed from the carrier's words`() {
        #expect(
            TwilioCarrier.withoutNumbers("The number +14155550101 is not valid (error 21211)")
                == "The number … is not valid (error 21211)"
        )
        #expect(TwilioCarrier.withoutNumbers("14155550101") == "…")
    }

    @Test func `the bucket fills with time`() {
        let caps = CallCaps(.init(placedPerSecond: 2))
        let start = MonotonicInstant(nanoseconds: 0)
        func refusal(_ tenant: String, at now: MonotonicInstant) -> CallCaps.Refusal? {
            do throws(CallCaps.Refusal) {
                _ = try caps.admit(
                    SystemIdentifiers().makeCallID(),
                    tenant: tenant,
                    isPlaced: true,
                    for: .seconds(60),
                    at: now,
                    wallTime: WallTime(milliseconds: 0)
                )
                return nil
            } catch {
                return error
            }
        }
        for _ in 0..<4 { #expect(refusal("a", at: start) == nil) }
        #expect(refusal("a", at: start) == .tooOften(seconds: 1))
        #expect(refusal("b", at: start) == nil)
        #expect(refusal("a", at: start + .milliseconds(499)) == .tooOften(seconds: 1))
        #expect(refusal("a", at: start + .milliseconds(500)) == nil)
        #expect(refusal("a", at: start + .milliseconds(500)) == .tooOften(seconds: 1))
    }

    @Test(arguments: [
        ("https://a.example.com", "wss://a.example.com"), ("https://a.example.com/", "wss://a.example.com"),
        ("https://a.example.com:8443/base/", "wss://a.example.com:8443/base"), ("https://[::1]:1", "wss://[::1]:1"),
    ])
    func `the origin of an address is read before its path`(text: String, webSocket: String) {
        #expect(PublicOrigin(text, allowsPlain: false)?.webSocketText == webSocket)
    }

    @Test(arguments: [("https://a", nil), ("https://a/", nil), ("https://a:1/b/c/", "/b/c")] as [(String, String?)])
    func `the path of an origin is the prefix that a proxy removes`(text: String, path: String?) {
        #expect(PublicOrigin(text, allowsPlain: false)?.path == path)
    }

    @Test(arguments: [
        "", "https://", "https:///x", "https://:1", "http://a", "ftp://a", "https://a/?q", "https://a#f", "https://u@a",
        "https://a b", "https://a/\"", "https://a\\b",
    ])
    func `an invalid origin is refused`(text: String) {
        #expect(PublicOrigin(text, allowsPlain: false) == nil)
    }
}
