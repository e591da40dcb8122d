/// Reads the suggested pause from the provider's error messages: "Please try again in 1.2s.", "… in 1m3.5s.".
enum OpenAIRetry {
    static func pause(in message: String) -> Duration? {
        guard let start = message.firstRange(of: "try again in ")?.upperBound else { return nil }
        var milliseconds = 0.0
        var number = ""
        var rest = message[start...]
        var hasUnit = false
        while let character = rest.first {
            if character.isASCII, character.isNumber || character == "." {
                number.append(character)
                rest = rest.dropFirst()
                continue
            }
            guard number.utf8.count <= 9, let value = Double(number) else { break }
            number = ""
            guard let unit = units.first(where: { rest.hasPrefix($0.name) }) else { break }
            milliseconds += value * unit.milliseconds
            hasUnit = true
            rest = rest.dropFirst(unit.name.count)
        }
        // Ignore a pause of a day or more.
        return hasUnit && milliseconds < 86_400_000 ? .milliseconds(Int(milliseconds.rounded(.up))) : nil
    }

    private static let units: [(name: String, milliseconds: Double)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000),
    ]
}
