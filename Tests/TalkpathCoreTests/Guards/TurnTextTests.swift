import Testing

@testable import TalkpathCore

struct TurnTextTests {
    @Test(
        arguments: [
            ("Hello, World!", "hello   world"),
            ("Don't hang up.", "dont hang up"),
            ("It’s flight twenty-one", "its flight 21"),
            ("Uh, my number is, um, five five five one two", "My number is 555-12"),
            ("seventeen and thirty", "17, and 30."),
            ("Twenty. One.", "21"),
            ("ÄPFEL", "äpfel"),
        ]
    )
    func `case, punctuation and filler words are not compared`(left: String, right: String) {
        #expect(TurnText(left).tokens == TurnText(right).tokens)
        #expect(TurnText(left).similarity(to: TurnText(right)) == 1)
    }

    @Test func `a number stays a number, in digits`() {
        #expect(TurnText("Room 215, please").tokens == ["room", "2", "1", "5", "please"])
        #expect(TurnText("Room 215, please").data == ["2", "1", "5"])
        #expect(TurnText("ninety nine").data == ["9", "9"])
        #expect(TurnText("T as in Tango").data == ["t"])
        #expect(TurnText("I am a person").data.isEmpty)
        #expect(TurnText("five, five, five").isDataOnly)
        #expect(!TurnText("flight five").isDataOnly)
        #expect(!TurnText("").isDataOnly)
    }

    @Test func `scripts without spaces are compared character by character`() {
        #expect(TurnText("您好，请问").tokens == ["您", "好", "请", "问"])
        #expect(TurnText("もしもし").tokens.count == 4)
        let left = TurnText("请问您还需要什么帮助吗")
        #expect(left.similarity(to: TurnText("请问您还需要其他帮助吗")) > 0.4)
        #expect(left.similarity(to: TurnText("明天下午三点开会")) < 0.1)
    }

    @Test func `likeness ranges from 0 to 1`() {
        let question = TurnText("Is there anything else I can help you with?")
        #expect(question.similarity(to: TurnText("Is there anything else I can help you with today?")) > 0.85)
        #expect(question.similarity(to: TurnText("Can I help you with anything else?")) > 0.5)
        #expect(question.similarity(to: TurnText("My parcel has not arrived.")) < 0.2)
        #expect(question.similarity(to: TurnText("")) == 0)
        #expect(TurnText("?!").tokens.isEmpty)
    }

    @Test func `an inflected word is not a new word`() {
        #expect(TurnText.stem("connecting") == TurnText.stem("connected"))
        #expect(TurnText.stem("assistance") == TurnText.stem("assisting"))
        #expect(TurnText.stem("yes") == "yes")
    }
}
