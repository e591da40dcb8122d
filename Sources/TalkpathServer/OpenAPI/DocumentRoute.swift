import HTTPTypes
import Hummingbird
import NIOCore

/// `GET /openapi.json`. Needs no key, because it reveals nothing about this server in particular.
struct DocumentRoute {
    func add(to router: Router<ServerContext>) {
        router.get("openapi.json") { _, _ in
            Response(
                status: .ok,
                headers: [
                    .contentType: "application/json; charset=utf-8", .cacheControl: "max-age=300",
                    // Viewers of API documents run in browsers. No other route may be read from another origin.
                    .accessControlAllowOrigin: "*",
                ],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: APIDocument.bytes))
            )
        }
    }
}
