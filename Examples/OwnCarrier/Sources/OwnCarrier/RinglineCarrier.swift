import TalkpathCore
import TalkpathWire

/// Ringline as a carrier.
struct RinglineCarrier: Carrier {
    let key: String
    /// Over HTTPS, with the HTTP client of your choice. It must end when its task is cancelled, and must not send a request
    /// a second time by itself.
    let send: @Sendable (Ringline.Request) async throws -> Ringline.Response

    func place(_ request: PlaceCallRequest) async throws(CarrierError) -> String {
        let order: JSONValue = [
            "from": .string(request.from),
            "to": .string(request.to),
            // Comes back in each webhook.
            "reference": .string(request.callID.text),
            "ring_seconds": JSONValue(Int(request.ringTimeout.components.seconds)),
            "most_seconds": JSONValue(Int(request.timeLimit.components.seconds)),
        ]
        guard let name = try await post("/calls", order)?["id"]?.string else {
            throw CarrierError(.noAnswer, "the answer names no call")
        }
        return name
    }

    func hangUp(_ carrierCallID: String) async throws(CarrierError) -> HangUpAnswer {
        guard let answer = try await post("/calls/\(carrierCallID)/end", [:]) else { return .alreadyGone }
        return answer["was_live"]?.bool == true ? .done : .alreadyGone
    }

    /// - Returns: `nil` if there is no such call.
    private func post(_ path: String, _ body: JSONValue) async throws(CarrierError) -> JSONValue? {
        let response: Ringline.Response
        do {
            response = try await send(Ringline.Request(path: path, key: key, body: body))
        } catch Ringline.Failure.unreachable {
            // Nothing was sent: it is certain that there is no call.
            throw CarrierError(.unavailable, "Ringline could not be reached")
        } catch {
            // Sent, and perhaps carried out.
            throw CarrierError(.noAnswer, "Ringline did not answer")
        }
        switch response.status {
        case 200..<300: return response.body
        case 404: return nil
        case 401: throw CarrierError(.unauthorized, "Ringline refused the key")
        case 429: throw CarrierError(.unavailable, "Ringline is busy", retryAfter: response.retryAfter)
        // Its own words quote numbers, which have no place in records.
        case 400..<500: throw CarrierError(.refused, "Ringline refused the request", carrierCode: response.status)
        default: throw CarrierError(.noAnswer, "Ringline failed", carrierCode: response.status)
        }
    }
}
