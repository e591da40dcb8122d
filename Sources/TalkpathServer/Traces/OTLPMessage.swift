import TalkpathCore
import TalkpathWire
import Tracing

/// Spans as one request of OTLP/HTTP in JSON: `ExportTraceServiceRequest` of opentelemetry-proto, with identifiers in
/// hexadecimal digits and 64-bit numbers as texts.
enum OTLPMessage {
    static let path = "/v1/traces"

    static func json(_ spans: [SpanRecord], service: String) -> JSONValue {
        let version = TalkpathVersion.current
        let resource: SpanAttributes = [
            "service.name": .string(service), "service.version": .string(version),
            "telemetry.sdk.name": "talkpath", "telemetry.sdk.language": "swift",
            "telemetry.sdk.version": .string(version),
        ]
        let scope: JSONValue = ["name": "talkpath", "version": .string(version)]
        return [
            "resourceSpans": [
                [
                    "resource": ["attributes": attributes(resource)],
                    "scopeSpans": [["scope": scope, "spans": .array(spans.map(span))]],
                ]
            ]
        ]
    }

    private static func span(_ span: SpanRecord) -> JSONValue {
        var json: JSONValue = [
            "traceId": .string(span.place.trace), "spanId": .string(span.place.span), "name": .string(span.name),
            "kind": JSONValue(kind(span.kind)), "startTimeUnixNano": time(span.start),
            "endTimeUnixNano": time(span.end ?? span.start), "attributes": attributes(span.attributes),
            "flags": 1,
        ]
        json.set("parentSpanId", span.parent.map(JSONValue.string))
        if !span.events.isEmpty {
            let events = span.events.map { event -> JSONValue in
                [
                    "timeUnixNano": time(event.at), "name": .string(event.name),
                    "attributes": attributes(event.attributes),
                ]
            }
            json.set("events", .array(events))
        }
        if span.eventsDropped > 0 { json.set("droppedEventsCount", JSONValue(span.eventsDropped)) }
        if let status = span.status {
            var told: JSONValue = ["code": status.code == .error ? 2 : 1]
            told.set("message", status.message.map(JSONValue.string))
            json.set("status", told)
        }
        return json
    }

    private static func time(_ nanoseconds: UInt64) -> JSONValue { .string(String(nanoseconds)) }

    private static func kind(_ kind: SpanKind) -> Int {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }

    private static func attributes(_ attributes: SpanAttributes) -> JSONValue {
        var members: [(key: String, value: JSONValue)] = []
        let add = { (key: String, value: SpanAttribute) in members.append((key: key, value: Self.value(value))) }
        // They are no sequence.
        attributes.forEach(add)
        members.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return .array(members.map { ["key": .string($0.key), "value": $0.value] })
    }

    private static func value(_ attribute: SpanAttribute) -> JSONValue {
        switch attribute {
        case .int32(let value): ["intValue": .string(String(value))]
        case .int64(let value): ["intValue": .string(String(value))]
        case .double(let value): ["doubleValue": JSONNumber(value).map(JSONValue.number) ?? .string("\(value)")]
        case .bool(let value): ["boolValue": .bool(value)]
        case .string(let value): ["stringValue": .string(value)]
        case .stringArray(let values): list(values.map { .string($0) })
        case .int32Array(let values): list(values.map { .int64(Int64($0)) })
        case .int64Array(let values): list(values.map { .int64($0) })
        case .doubleArray(let values): list(values.map { .double($0) })
        case .boolArray(let values): list(values.map { .bool($0) })
        case .stringConvertible(let value): ["stringValue": .string("\(value)")]
        case .stringConvertibleArray(let values): list(values.map { .string("\($0)") })
        default: ["stringValue": ""]
        }
    }

    private static func list(_ values: [SpanAttribute]) -> JSONValue {
        ["arrayValue": ["values": .array(values.map(value))]]
    }
}
