/// The failure of a command: one line for standard error, and the exit status.
struct CommandFailure: Error, CustomStringConvertible {
    /// A clause that begins with the part that failed, without a full stop.
    var description: String
    /// 1, or a number of `sysexits.h`.
    var status: Int32

    init(_ description: String, status: Int32 = 1) {
        self.description = description
        self.status = status
    }

    /// `EX_DATAERR`: a file has the wrong content.
    static func wrongContent(_ description: String) -> CommandFailure { .init(description, status: 65) }
}
