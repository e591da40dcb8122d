import Foundation

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Breaks text into lines for a terminal.
enum TextWrapping {
    /// Breaks between words only. A word that is longer than the width gets a line of its own.
    static func lines(of text: String, width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        return line.isEmpty && !lines.isEmpty ? lines : lines + [line]
    }

    /// Puts a label before the text. Further lines begin below the text's first word.
    static func labelled(_ label: String, _ text: String, labelWidth: Int, width: Int = TerminalWidth.current) -> String
    {
        let head = label.padding(toLength: labelWidth, withPad: " ", startingAt: 0)
        let indent = "\n" + String(repeating: " ", count: labelWidth)
        return head + lines(of: text, width: max(20, width - labelWidth)).joined(separator: indent)
    }
}

/// The number of characters that fit into a line of standard output.
enum TerminalWidth {
    /// The terminal's own width; 80 in a pipe, or if the terminal does not report one.
    static var current: Int {
        var size = winsize()
        guard isatty(STDOUT_FILENO) == 1, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 40 else {
            return standard
        }
        return Int(size.ws_col)
    }

    static let standard = 80
}
