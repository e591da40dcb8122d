/// Writes names, labels and numbers in Prometheus' text format, version 0.0.4.
enum PrometheusText {
    /// Replaces everything but letters, digits, `_` and `:` with `_`.
    static func name(_ label: String) -> String {
        var name = String(
            label.unicodeScalars.map { scalar in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", "_", ":": Character(scalar)
                default: "_"
                }
            }
        )
        if let first = name.first, first.isNumber { name = "_" + name }
        return name
    }

    /// Writes `a="x",b="y"`, in the given order.
    static func labels(_ dimensions: [(String, String)]) -> String {
        dimensions.map { #"\#(name($0.0))="\#(escaped($0.1))""# }.joined(separator: ",")
    }

    static func braced(_ labels: String, and more: String = "") -> String {
        let all = [labels, more].filter { !$0.isEmpty }.joined(separator: ",")
        return all.isEmpty ? "" : "{\(all)}"
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value == value.rounded() && value.magnitude < 1e15 ? String(Int64(value)) : String(value)
    }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
