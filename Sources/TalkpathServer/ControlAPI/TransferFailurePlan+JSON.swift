import TalkpathCore
import TalkpathWire

/// The plan for a caller whose transfer is not answered, in the form of requests and agents.
extension TransferFailurePlan {
    /// - Parameter path: where the members stand, for the error.
    init(_ json: JSONValue, in path: String = "") throws(Problem) {
        switch (json["on_failure"]?.string, json["goodbye"]?.string) {
        case ("say_goodbye", let words?): self = .sayGoodbye(words, language: json["language"]?.string)
        case ("say_goodbye", nil): throw JSONBody.invalid("\(path)goodbye", "must hold the last words")
        case ("hang_up", _): self = .hangUp
        default: self = .returnToAgent
        }
    }

    /// The members that state it.
    static let members: [Schema.Member] = [
        .optional(
            "on_failure",
            .named("TransferFailurePlan").meaning(
                "The caller's fate if the other number does not answer. `return`, the default: the caller talks with the agent again."
            )
        ),
        .optional("goodbye", .text(1...1000).meaning("The carrier's last words, for `say_goodbye`.")),
        .optional("language", .text(1...20).meaning("Of the last words, such as `en-US`.")),
    ]
}
