import HTTPTypes
import Hummingbird
import TalkpathCore
import TalkpathWire

/// Serves a call's recording (stereo, the caller left) and its capture.
struct RecordingRoute {
    let state: ServerState

    /// - Parameter api: the routes below `/api`, which need a key.
    func add(to api: RouterGroup<ServerContext>) {
        api.get("calls/:call_id/recording") { request, context in
            try await recording(of: context.parameters.get("call_id") ?? "", request, context)
        }
        api.get("calls/:call_id/capture") { _, context in
            try await capture(of: context.parameters.get("call_id") ?? "", context)
        }
    }

    /// - Parameter reference: our name of the call.
    func recording(of reference: String, _ request: Request, _ context: ServerContext) async throws -> Response {
        let call = try await CallDirectory(state: state, tenant: context.tenant).call(reference)
        guard let recording = state.configuration.recordings?.recording(of: call.id) else {
            throw Problem(.notFound, .recordingNotFound, "There is no recording of this call")
        }
        let offers = [recording.format.mediaType, Recordings.plainType]
        guard let type = MediaType.best(of: offers, for: request.headers[.accept]) else {
            throw Problem(.notAcceptable, .invalidField, "The recording is \(recording.format.mediaType)")
        }
        let body = try await FileIO().loadFile(path: recording.path, context: context)
        return Response(
            status: .ok,
            headers: [
                .contentType: type, .cacheControl: "no-store",
                .contentDisposition: "attachment; filename=\"\(call.id).\(recording.format.rawValue)\"",
            ],
            body: body
        )
    }

    private func capture(of reference: String, _ context: ServerContext) async throws -> Response {
        let call = try await CallDirectory(state: state, tenant: context.tenant).call(reference)
        guard let path = state.configuration.recordings?.capture(of: call.id) else {
            throw Problem(.notFound, .recordingNotFound, "There is no capture of this call")
        }
        let body = try await FileIO().loadFile(path: path, context: context)
        return Response(
            status: .ok,
            headers: [
                .contentType: Recordings.plainType, .cacheControl: "no-store",
                .contentDisposition: "attachment; filename=\"\(call.id).tpcap\"",
            ],
            body: body
        )
    }
}

extension Recordings {
    /// The type for clients that do not accept audio. The bytes are the same.
    static let plainType = "application/octet-stream"

    /// The possible contents of an answer with a recording, for the API document.
    static let contents: [(type: String, schema: Schema?)] =
        AudioFormat.allCases.map { ($0.mediaType, .file) } + [(plainType, .file)]
}
