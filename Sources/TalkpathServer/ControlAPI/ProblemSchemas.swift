import TalkpathWire

enum ProblemSchemas {
    static let all: [(name: String, schema: Schema)] = [
        (
            "Problem",
            .openObject(
                .required("success", .boolean),
                .required("error", .text.meaning("The detail, for clients that know nothing of RFC 9457.")),
                .required("code", .named("ProblemCode").meaning("Stable.")),
                .required("type", .text),
                .required("title", .text),
                .required("status", .integer(400...599)),
                .required("detail", .text),
                .optional("receipt", .named("Receipt").meaning("Of a call that has ended.")),
                .optional("field", .text.meaning("Which option the model does not take: `openai.reasoning.effort`.")),
                .optional("call_id", .text.meaning("Of the call that could not be placed."))
            )
        )
    ]
}
