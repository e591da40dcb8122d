import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import TalkpathServer
import TalkpathWire

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Explains why a server could not be reached, and what to check next.
enum ConnectionWords {
    static func of(_ error: any Error, at origin: String) -> String {
        if OutboundHTTP.failureOfTLS(error) != nil {
            let words = ErrorWords.of(error)
            let hint = words.contains("does not speak TLS") ? "; its address may begin with http://" : ""
            return "\(origin): \(words)\(hint)"
        }
        switch error {
        case is WireError:
            return "the server at \(origin) is not a Talkpath server: its answer is not JSON"
        case is HTTPParserError:
            return speaksNoHTTP(origin)
        case let error as HTTPClientError
        where error == .remoteConnectionClosed && origin.lowercased().hasPrefix("http:"):
            return speaksNoHTTP(origin)
        case let error as NIOConnectionError where error.connectionErrors.isEmpty:
            return "\(origin): \(ErrorWords.of(error))"
        case let error as NIOConnectionError where error.connectionErrors.contains(where: { isRefusal($0.error) }):
            return refused(origin)
        case _ where isRefusal(error):
            return refused(origin)
        default:
            return "\(origin): \(ErrorWords.of(error))"
        }
    }

    private static func speaksNoHTTP(_ origin: String) -> String {
        "\(origin): the other side does not answer in HTTP; if it speaks TLS, its address begins with https://"
    }

    private static func refused(_ origin: String) -> String {
        "\(origin): the connection was refused; is the server running there?"
    }

    private static func isRefusal(_ error: any Error) -> Bool { (error as? IOError)?.errnoCode == ECONNREFUSED }
}
