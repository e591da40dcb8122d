import HTTPTypes
import TalkpathCore
import TalkpathWire

/// The OpenAPI 3.1 document of everything that the port serves: `GET /openapi.json`.
///
/// Each route has an `Operation` beside it, in a list that is named here. A test fails otherwise.
enum APIDocument {
    static let operations: [Operation] =
        ServerOperations.all + NodeRoutes.operations + CallOperations.all + WebCallRoutes.operations
        + ActivityOperations.all
        + CommandOperations.all
        + AgentOperations.all + CarrierOperations.all
        + NotificationOperations.all + CallabOperations.all + TalkoverOperations.all + VocodeOperations.all
        + TwilioSnippetOperations.all

    static let schemas: [(name: String, schema: Schema)] =
        WordSchemas.all + ProblemSchemas.all + CallSchemas.all + WebCallRoutes.schemas + ActivitySchemas.all
        + CommandSchemas.all
        + AgentSchemas.all
        + ServerOperations.schemas + NodeRoutes.schemas
        + EventSchemas.all
        + NotificationSchemas.all + CallabSchemas.all + TalkoverSchemas.all + VocodeSchemas.all

    private static let schemasByName = Dictionary(uniqueKeysWithValues: schemas.map { ($0.name, $0.schema) })

    static func schema(named name: String) -> Schema? { schemasByName[name] }

    /// Serialised once; it does not depend on the server's settings.
    static let bytes: [UInt8] = json.serialized()

    static var json: JSONValue {
        [
            "openapi": "3.1.0",
            "info": [
                "title": "Talkpath",
                "version": .string(TalkpathVersion.current),
                "description": .string(description),
            ],
            "servers": [["url": "/"]],
            "tags": .array(areas.map { ["name": .string($0.name), "description": .string($0.meaning)] }),
            "paths": .object(paths),
            "webhooks": .object(EventSchemas.webhooks),
            "components": [
                "securitySchemes": [
                    "key": [
                        "type": "http", "scheme": "bearer",
                        "description": "One of the server's API keys. Not asked for under `--dev`.",
                    ],
                    "carrierSignature": [
                        "type": "apiKey", "in": "header", "name": "X-Twilio-Signature",
                        "description": "Twilio's signature over the public origin, path, query and form.",
                    ],
                ],
                "schemas": .object(schemas.map { (key: $0.name, value: $0.schema.json) }),
            ],
        ]
    }

    private static let description = """
        Places phone calls that a realtime speech model talks on, takes calls that come in, and ends them so that they \
        are known to be ended. Times are RFC 3339 in UTC. Unknown fields, in bodies and in queries, are \
        refused by our own routes (`unknown_field`); the compatible routes ignore them, as their originals do. What comes \
        to no route is answered in plain text, and the connection is closed: 431 where path and headers have more than \
        16 KiB, 400 where it is not HTTP. A request that has not come in whole after ten seconds is cut off.
        """

    private static let areas: [(name: String, meaning: String)] = [
        ("Calls", "Placing, listing, commanding and ending calls."),
        ("Agents", "Models with instructions, voice and tools, which talk on calls."),
        ("Events", "Events of calls, as streams and webhooks."),
        ("Server", "Health, readiness, metrics and this document."),
        ("Carrier", "Twilio's webhooks and media sockets."),
        ("Callab", "Compatible with Callab's API."),
        ("Talkover", "Compatible with Talkover's API."),
        ("Vocode", "Compatible with Vocode's API."),
        ("Twilio snippet", "Hanging up by the carrier's name of a call."),
    ]

    /// Operations by path, in the order in which the paths first appear.
    private static var paths: [(key: String, value: JSONValue)] {
        var paths: [(key: String, value: JSONValue)] = []
        for operation in operations {
            let member = (key: operation.method.rawValue.lowercased(), value: operation.json)
            if let place = paths.firstIndex(where: { $0.key == operation.path }) {
                paths[place].value.set(member.key, member.value)
            } else {
                paths.append((key: operation.path, value: .object([member])))
            }
        }
        return paths
    }
}

extension Operation {
    /// The operation object of OpenAPI.
    var json: JSONValue {
        var json: JSONValue = ["operationId": .string(id), "tags": [.string(area)], "summary": .string(summary)]
        json.set("description", meaning.map(JSONValue.string))
        if isDeprecated { json.set("deprecated", true) }
        if !parameters.isEmpty { json.set("parameters", .array(parameters.map(\.json))) }
        if let body {
            json.set(
                "requestBody",
                [
                    "required": .bool(body.isRequired),
                    "content": .object([(key: body.type, value: Self.holder(of: body.schema))]),
                ]
            )
        }
        json.set("responses", .object(responses))
        json.set("security", security)
        return json
    }

    /// True if bodies and queries with unknown fields are refused. Our own routes refuse them; the compatible ones do
    /// not.
    var refusesUnknownFields: Bool { ["Calls", "Agents", "Events"].contains(area) }

    private var responses: [(key: String, value: JSONValue)] {
        var responses: [(key: String, value: JSONValue)] = []
        var all = answers
        if access == .key, !answers.contains(where: { $0.status == 401 }) {
            all.append(Answer(status: 401, meaning: "No key, or a wrong one.", contents: [problem]))
        }
        if refusesUnknownFields, !answers.contains(where: { $0.status == 422 }) {
            all.append(.problem(422, "`unknown_field`: in the query."))
        }
        if refusesUnknownFields, !answers.contains(where: { $0.status == 503 }) {
            all.append(.problem(503, "`store_unavailable`, with `Retry-After`: nothing can be kept at the moment."))
        }
        for answer in all.sorted(by: { $0.status < $1.status }) {
            responses.append((key: String(answer.status), value: answer.json))
        }
        let other = Answer(status: 0, meaning: "Why the request was not fulfilled.", contents: [problem])
        responses.append((key: "default", value: other.json))
        return responses
    }

    fileprivate static func holder(of schema: Schema?) -> JSONValue {
        guard let schema else { return [:] }
        return ["schema": schema.json]
    }

    private var security: JSONValue {
        switch access {
        case .open: []
        case .key: [["key": []]]
        case .carrier: [["carrierSignature": []]]
        }
    }
}

extension Operation.Parameter {
    fileprivate var json: JSONValue {
        var schema = schema
        var json: JSONValue = [
            "name": .string(name), "in": .string(place.rawValue), "required": .bool(isRequired),
        ]
        json.set("description", schema.meaning.map(JSONValue.string))
        schema.meaning = nil
        json.set("schema", schema.json)
        return json
    }
}

extension Operation.Answer {
    fileprivate var json: JSONValue {
        var json: JSONValue = ["description": .string(meaning)]
        if !headers.isEmpty {
            json.set("headers", .object(headers.map { (key: $0.name, value: Operation.holder(of: $0.schema)) }))
        }
        if !contents.isEmpty {
            json.set(
                "content",
                .object(contents.map { (key: $0.type, value: Operation.holder(of: $0.schema)) })
            )
        }
        return json
    }
}
