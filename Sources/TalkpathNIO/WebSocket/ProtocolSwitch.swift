import NIOCore
import NIOHTTP1

/// HTTP's parser, until the connection changes its protocol; from then on the bytes as they come.
///
/// NIO's own way is to remove the parser, which takes a turn of the event loop; in between, the next handler is given
/// HTTP parts and raw bytes through the same door, cannot tell them apart, and a wrong guess traps the process. Here
/// `isParsing` tells them apart, and no byte behind the handshake is lost.
final class SwitchingHTTPDecoder<Parser: ByteToMessageDecoder>: ByteToMessageDecoder {
    typealias InboundOut = Parser.InboundOut

    enum Mode {
        case http
        /// Bytes are passed on as they are.
        case raw
        /// Bytes are thrown away: nothing more is expected of the peer.
        case discard
    }

    /// Takes effect behind the HTTP message being parsed.
    var mode = Mode.http
    /// Whether what comes out at this moment are HTTP parts.
    private(set) var isParsing = false
    /// Whether the peer has said anything yet.
    private(set) var hasSeenBytes = false
    private var parser: Parser

    init(_ parser: Parser) { self.parser = parser }

    func decoderAdded(context: ChannelHandlerContext) { parser.decoderAdded(context: context) }
    func decoderRemoved(context: ChannelHandlerContext) { parser.decoderRemoved(context: context) }

    func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        switch mode {
        case .http:
            if buffer.readableBytes > 0 { hasSeenBytes = true }
            isParsing = true
            defer { isParsing = false }
            return try parser.decode(context: context, buffer: &buffer)
        case .raw:
            let bytes = buffer.readSlice(length: buffer.readableBytes)
            if let bytes, bytes.readableBytes > 0 { context.fireChannelRead(NIOAny(bytes)) }
            return .needMoreData
        case .discard:
            buffer.moveReaderIndex(to: buffer.writerIndex)
            return .needMoreData
        }
    }

    func decodeLast(context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool) throws -> DecodingState {
        guard mode == .http else { return try decode(context: context, buffer: &buffer) }
        isParsing = true
        defer { isParsing = false }
        return try parser.decodeLast(context: context, buffer: &buffer, seenEOF: seenEOF)
    }
}

/// The parser's handler, and how to be rid of it.
struct ProtocolSwitch<Parser: ByteToMessageDecoder> {
    let decoder: SwitchingHTTPDecoder<Parser>
    let handler: ByteToMessageHandler<SwitchingHTTPDecoder<Parser>>

    /// - Parameter maximumBufferedBytes: what may wait while nobody reads on: a header of HTTP, or frames that came
    ///   with the handshake.
    init(_ parser: Parser, maximumBufferedBytes: Int) {
        decoder = SwitchingHTTPDecoder(parser)
        handler = ByteToMessageHandler(decoder, maximumBufferSize: maximumBufferedBytes)
    }

    /// Ends HTTP: puts `next` behind the handler that calls this, hands it all bytes from here on, and takes the parser
    /// and then the calling handler out.
    func complete(
        _ context: ChannelHandlerContext,
        handler caller: some RemovableChannelHandler,
        next: any ChannelHandler
    ) throws {
        decoder.mode = .raw
        let pipeline = context.pipeline.syncOperations
        try pipeline.addHandler(next, position: .after(caller))
        // The removal hands over what came behind the handshake, a turn of the loop later and outside a read: the end
        // of that read is announced here.
        pipeline.removeHandler(handler).assumeIsolated().whenComplete { _ in
            context.fireChannelReadComplete()
            pipeline.removeHandler(caller, promise: nil)
        }
    }
}
