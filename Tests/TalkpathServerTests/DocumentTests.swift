import HTTPTypes
import Hummingbird
import NIOHTTP1
import NIOPosix
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct DocumentTests {
    @Test func everyRouteIsDocumentedAndEveryDocumentedRouteIsThere() async throws {
        try await TestServer.run { test async throws in
            let state = test.server.state
            let router = TalkpathServer.router(state, authenticity: TwilioAuthenticity(state.configuration))
            compare(router)
        }
    }

    private func compare(_ router: Router<ServerContext>) {
        let routes = Set(
            router.routes.map { route in
                let path = "\(route.path)".split(separator: "/").map { $0.hasPrefix(":") ? "{\($0.dropFirst())}" : $0 }
                return "\(route.method.rawValue) /\(path.joined(separator: "/"))"
            }
        )
        let documented = Set(APIDocument.operations.map { "\($0.method.rawValue) \($0.path)" })
        #expect(routes.subtracting(documented).sorted() == [], "not documented")
        #expect(documented.subtracting(routes).sorted() == [], "documented only")
        #expect(documented.count == APIDocument.operations.count)
    }

    @Test func everyDocumentedRouteAnswers() async throws {
        try await TestServer.run { test async throws in
            for operation in APIDocument.operations {
                let path = operation.path.replacing(/\{[a-z_]+\}/, with: "none")
                let answer = try await test.send(.init(rawValue: operation.method.rawValue), path, "{}")
                let isNothing = answer["detail"] == "There is nothing at this address"
                #expect(!isNothing && answer.status != 405, "\(operation.method) \(path)")
            }
        }
    }

    @Test func theDocumentIsWholeInItself() async throws {
        try await TestServer.run { test async throws in
            let answer = try await test.send(.GET, "/openapi.json", key: nil)
            #expect(answer.status == 200 && answer["openapi"] == "3.1.0")
            let names = Set(answer["components"]?["schemas"]?.object?.map(\.key) ?? [])
            let references = answer.text.matches(of: /"\$ref":"#\/components\/schemas\/([A-Za-z]+)"/).map {
                String($0.1)
            }
            #expect(references.count > 20)
            #expect(Set(references).subtracting(names) == [])
            let ids = APIDocument.operations.map(\.id)
            #expect(Set(ids).count == ids.count)
            for operation in APIDocument.operations {
                let inPath = Set(operation.path.matches(of: /\{([a-z_]+)\}/).map { String($0.1) })
                let described = Set(operation.parameters.filter { $0.place == .path }.map(\.name))
                #expect(inPath == described, "\(operation.path)")
            }
            for code in Problem.Code.allCases { #expect(answer.text.contains(code.rawValue)) }
            for type in EventSchemas.types { #expect(answer["webhooks"]?[type] != nil) }
        }
    }

    @Test(arguments: [
        ("DELETE", "/api/calls", "POST, GET"), ("GET", "/api/calls/end", "POST"),
        ("PATCH", "/api/calls/x", "GET, DELETE"),
        ("PUT", "/health", "GET"), ("GET", "/twilio/voice", "POST"), ("POST", "/v1/calls/query", "GET"),
    ])
    func anotherMethodIsToldWhichOnesThereAre(method: String, path: String, allowed: String) async throws {
        try await TestServer.run { test async throws in
            let answer = try await test.send(.init(rawValue: method), path)
            #expect(answer.status == 405 && answer["code"] == "method_not_allowed")
            let methods = answer.headers["Allow"].first.map { Set($0.split(separator: ", ")) }
            #expect(methods == Set(allowed.split(separator: ", ")))
        }
    }

    // MARK: Schemas

    private static let schema = Schema.object(
        .required("name", .text(1...3)),
        .optional("size", .integer(1...5)),
        .optional("tags", .array(.word("a", "b"), count: 0...2)),
        .optional("more", .oneOf(.boolean, .object(.required("deep", .number(0...1))))),
        .optional("any", .anyObject.atMost(bytes: 10))
    )

    @Test(arguments: [
        #"{"name":"abc"}"#, #"{"name":"üüü","size":null}"#, #"{"name":"a","size":5.0}"#,
        #"{"name":"a","tags":["a","b"],"more":true}"#, #"{"name":"a","more":{"deep":0.5},"any":{"x":null}}"#,
    ])
    func aValueThatHoldsToItsSchemaIsLetThrough(text: String) throws {
        #expect(Self.schema.violation(of: try JSONValue(parsing: text)) == nil)
    }

    @Test(arguments: [
        ("[]", "", "must be an object"), ("{}", "name", "is missing"), (#"{"name":null}"#, "name", "is missing"),
        (#"{"name":""}"#, "name", "must be a text of 1 to 3 characters"),
        (#"{"name":"abcd"}"#, "name", "must be a text of 1 to 3 characters"),
        (#"{"name":"a","nmae":"b"}"#, "nmae", "is not known here"),
        (#"{"name":"a","size":6}"#, "size", "must be a whole number from 1 to 5"),
        (#"{"name":"a","size":1.5}"#, "size", "must be a whole number from 1 to 5"),
        (#"{"name":"a","tags":["a","c"]}"#, "tags[1]", "must be one of a, b"),
        (#"{"name":"a","tags":["a","a","a"]}"#, "tags", "must be a list of at most 2"),
        (#"{"name":"a","more":{"deep":2}}"#, "more.deep", "must be a number from 0.0 to 1.0"),
        (#"{"name":"a","any":{"x":"12345"}}"#, "any", "must have at most 10 bytes"),
    ])
    func aValueThatDoesNotIsNamed(text: String, path: String, message: String) throws {
        let violation = Self.schema.violation(of: try JSONValue(parsing: text))
        #expect(violation?.path == path && violation?.message == message)
    }
}
