/// A fault in a suite's file, with its place.
package struct SuiteFault: Error, Equatable, CustomStringConvertible {
    package var file: String
    /// Both from 1 on; 0 if the file cannot be read.
    package var line: Int
    package var column: Int
    /// A clause without a full stop.
    package var words: String

    init(file: String, line: Int, column: Int, words: String) {
        self.file = file
        self.line = line
        self.column = column
        self.words = words
    }

    /// A fault of the file as a whole.
    package init(_ file: String, _ words: String) {
        self.init(file: file, line: 0, column: 0, words: words)
    }

    package var description: String {
        line > 0 ? "\(file):\(line):\(column): \(words)" : "\(file): \(words)"
    }
}
