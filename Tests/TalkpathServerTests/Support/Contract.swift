import HTTPTypes
import TalkpathWire

@testable import TalkpathServer

/// Compares the server's answers with its document.
enum Contract {
    /// Returns the fault of an answer; nil if it has none.
    static func breach(
        _ method: String,
        _ path: String,
        status: Int,
        contentType: String?,
        body: String
    ) -> String? {
        let path = String(path.prefix { $0 != "?" })
        guard let method = HTTPRequest.Method(method) else { return nil }
        guard let operation = RouteTable.shared.operation(method, at: path) else {
            return status == 404 || status == 405 || status == 403 ? nil : "\(method) \(path) is not in the document"
        }
        let place = "\(method) \(operation.path) \(status)"
        let documented = operation.answers.first { $0.status == status }
        let contents = documented?.contents ?? [(type: operation.problem.type, schema: operation.problem.schema)]
        // The layer before the routes uses our own words everywhere.
        let all = contents + (documented == nil ? [(type: "application/problem+json", schema: .named("Problem"))] : [])
        if body.isEmpty {
            let isText = contents.contains { $0.type == "text/plain" }
            return contents.isEmpty || isText || documented?.mayBeEmpty == true ? nil : "\(place) has no body"
        }
        let type = contentType.map { $0.prefix { $0 != ";" } }
        guard let content = all.first(where: { $0.type == type ?? "" }) else {
            return "\(place) has \(contentType ?? "no content type")"
        }
        guard let schema = content.schema, content.type.hasSuffix("json") else { return nil }
        guard let value = try? JSONValue(parsing: body) else { return "\(place) is not JSON: \(body)" }
        let violation = schema.violation(of: value, isRequest: false)
        return violation.map { "\(place): '\($0.path)' \($0.message)" }
    }
}
