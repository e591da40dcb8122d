import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TalkpathCore
import TalkpathServer
import TalkpathWire

/// The server's address and key, shared by all commands that talk to a server.
struct ServerOptions: ParsableArguments {
    @Option(
        name: .long,
        help: """
            The server's address; without it TALKPATH_URL, or TALKPATH_HTTP_HOST (127.0.0.1) and TALKPATH_HTTP_PORT (8080).
            """
    )
    var url: String?

    @Flag(name: .long, help: "Print the server's own JSON, on a terminal too.")
    var json = false

    /// The key comes from the environment only: an argument would stand in the list of processes.
    static let keyVariable = "TALKPATH_API_KEY"

    var client: ControlClient {
        let environment = ProcessInfo.processInfo.environment
        let key = environment[Self.keyVariable]
        if let url { return ControlClient(origin: url, source: "--url", key: key) }
        if let url = environment["TALKPATH_URL"] { return ControlClient(origin: url, source: "TALKPATH_URL", key: key) }
        let host = environment["TALKPATH_HTTP_HOST"]
        let port = environment["TALKPATH_HTTP_PORT"]
        let named = [host.map { _ in "TALKPATH_HTTP_HOST" }, port.map { _ in "TALKPATH_HTTP_PORT" }].compactMap(\.self)
        return ControlClient(
            origin: "http://\(ListeningHost.reached(from: host ?? "")):\(port ?? "8080")",
            source: named.isEmpty ? "--url or TALKPATH_URL names another" : named.joined(separator: ", "),
            key: key
        )
    }

    /// True if to print tables: on a terminal, unless JSON is asked for.
    var wantsTable: Bool { !json && isatty(STDOUT_FILENO) == 1 }
}

/// A client of the control API. Each command sends one request.
struct ControlClient {
    let origin: String
    /// The option or variable that the address comes from, for messages.
    let source: String
    let key: String?

    /// Tries to connect once, so that a user at a shell learns at once that no server listens.
    private static let http: HTTPClient = {
        var configuration = OutboundHTTP.configuration
        configuration.timeout.connect = .seconds(10)
        // One client for the process, never shut down.
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    struct Answer {
        var status: Int
        var body: JSONValue

        var isSuccess: Bool { (200..<300).contains(status) }
    }

    /// - Parameter path: with its query, already encoded.
    /// - Throws: `ExitCode`, after a line on standard error, if the server does not answer.
    func send(
        _ method: HTTPMethod,
        _ path: String,
        _ body: JSONValue? = nil,
        headers: [(String, String)] = []
    ) async throws -> Answer {
        let address: ServerAddress
        do throws(ServerAddress.Flaw) {
            address = try ServerAddress(origin)
        } catch {
            throw complain("the server's address \(error.words) (\(source))")
        }
        var request = OutboundHTTP.request(method, address.text + path)
        if let key, !key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            throw complain(
                "\(ServerOptions.keyVariable) holds a blank, a line's end or another character that no key has; is it "
                    + "copied as a whole and by itself?"
            )
        }
        if let key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.serialized()))
        }
        do {
            let response = try await Self.http.execute(request, timeout: .seconds(60))
            // Redirects are not followed: they may turn the request into another one, and drop the key.
            if (300..<400).contains(response.status.code), let place = response.headers.first(name: "Location") {
                throw complain(
                    "\(origin) answers that the server is elsewhere, at \(place.asLogged): give that address "
                        + "(--url, TALKPATH_URL)"
                )
            }
            let bytes = Array(try await response.body.collect(upTo: 1 << 24).readableBytesView)
            let json = try bytes.isEmpty ? .null : JSONValue(parsing: bytes.span.bytes)
            return Answer(status: Int(response.status.code), body: json)
        } catch let exit as ExitCode {
            throw exit
        } catch {
            throw complain(ConnectionWords.of(error, at: origin) + " (\(source))")
        }
    }

    /// Sends a request, and throws unless it succeeds.
    func expect(
        _ method: HTTPMethod,
        _ path: String,
        _ body: JSONValue? = nil,
        headers: [(String, String)] = []
    ) async throws -> JSONValue {
        let answer = try await send(method, path, body, headers: headers)
        guard answer.isSuccess else { throw failure(answer) }
        return answer.body
    }

    /// Prints the server's own message on standard error.
    func failure(_ answer: Answer) -> ExitCode {
        let words = answer.body["detail"]?.string ?? answer.body["error"]?.string ?? "no reason given"
        let hint =
            answer.status == 401
            ? (key == nil ? " (set \(ServerOptions.keyVariable))" : " (\(ServerOptions.keyVariable) is not valid here)")
            : ""
        return complain("\(words) [\(answer.status)]\(hint)")
    }

    private func complain(_ words: String) -> ExitCode {
        FileHandle.standardError.write(Data("talkpath: \(words)\n".utf8))
        return .failure
    }
}

extension String {
    /// The text, encoded as part of a path or a query.
    var urlEncoded: String {
        addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-._~"))) ?? self
    }
}
