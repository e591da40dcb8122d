/// A text that another one must contain, whatever the case of its letters, or a regular expression between slashes.
package struct TextPattern: Sendable, Equatable, CustomStringConvertible {
    package let description: String

    /// - Returns: `nil` if the regular expression is none.
    init?(_ text: String) {
        description = text
        if let source = Self.source(text), (try? Regex(source)) == nil { return nil }
    }

    private static func source(_ text: String) -> String? {
        guard text.count >= 2, text.first == "/", text.last == "/" else { return nil }
        return String(text.dropFirst().dropLast())
    }

    /// True if the text contains the pattern.
    func isFound(in text: String) -> Bool {
        if let source = Self.source(description) {
            guard let expression = try? Regex(source).ignoresCase() else { return false }
            return text.firstMatch(of: expression) != nil
        }
        return text.lowercased().contains(description.lowercased())
    }

    /// True if the pattern is the text, or is an expression that is found in it.
    func isEqual(to text: String) -> Bool {
        Self.source(description) == nil ? text == description : isFound(in: text)
    }
}
