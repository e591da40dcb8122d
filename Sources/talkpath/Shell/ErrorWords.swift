import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix
import TalkpathCore
import TalkpathServer
import TalkpathStore

/// Describes errors in words that users know, in one line for standard error.
enum ErrorWords {
    /// - Returns: a clause without a full stop, such as `agent.json: No such file or directory`.
    static func of(_ error: any Error) -> String {
        if let words = OutboundHTTP.failureOfTLS(error) { return words }
        switch error {
        case let error as IOError: return system(error.errnoCode)
        case let error as SocketAddressError: return address(error)
        case let error as SocketAddressError.UnknownHost: return "the host name '\(error.host)' is not known"
        case let error as NIOConnectionError: return connection(error)
        case let error as HTTPClientError: return client(error)
        case let error as ChannelError: return channel(error)
        case let error as CocoaError: return file(error)
        case let error as POSIXError: return system(error.code.rawValue)
        case is CancellationError: return "it was cancelled"
        case let error as any LocalizedError:
            return error.errorDescription ?? "\(error)"
        default:
            // Errors of this program describe themselves. Of other errors, only the name of the type is worth showing.
            let value: Any = error
            return value is any CustomStringConvertible ? "\(error)" : "an unexpected error (\(type(of: error)))"
        }
    }

    /// The system's own text for a number of `errno`.
    static func system(_ number: CInt) -> String { String(cString: strerror(number)) }

    private static func address(_ error: SocketAddressError) -> String {
        switch error {
        case .unknown(let host, _): "the host name '\(host)' is not known"
        case .unixDomainSocketPathTooLong: "the path of the socket is too long"
        default: "that is not an address to listen on"
        }
    }

    private static func connection(_ error: NIOConnectionError) -> String {
        guard let first = error.connectionErrors.first?.error else {
            return "the host name '\(error.host)' is not known"
        }
        return of(first)
    }

    private static func client(_ error: HTTPClientError) -> String {
        switch error {
        case .connectTimeout: "it took too long to connect"
        case .deadlineExceeded, .readTimeout: "there was no answer in time"
        case .remoteConnectionClosed: "the connection was closed without an answer"
        default: "the request failed (\(error.shortDescription))"
        }
    }

    private static func channel(_ error: ChannelError) -> String {
        switch error {
        case .connectTimeout: "it took too long to connect"
        default: "the connection was closed"
        }
    }

    /// The path, and the system's reason.
    private static func file(_ error: CocoaError) -> String {
        let path = error.filePath ?? error.url?.path
        let cause: String
        if let underlying = error.underlying as? POSIXError {
            cause = system(underlying.code.rawValue)
        } else if let underlying = error.userInfo[NSUnderlyingErrorKey] as? NSError,
            underlying.domain == NSPOSIXErrorDomain
        {
            cause = system(CInt(underlying.code))
        } else {
            cause = words(for: error.code)
        }
        return path.map { "\($0): \(cause)" } ?? cause
    }

    private static func words(for code: CocoaError.Code) -> String {
        switch code {
        case .fileNoSuchFile, .fileReadNoSuchFile: system(ENOENT)
        case .fileReadNoPermission, .fileWriteNoPermission: system(EACCES)
        case .fileWriteOutOfSpace: system(ENOSPC)
        case .fileWriteVolumeReadOnly: system(EROFS)
        case .fileWriteFileExists: system(EEXIST)
        default: "the file cannot be used"
        }
    }
}
