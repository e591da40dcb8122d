import NIOCore
import NIOHTTP1

/// Runs HTTP's parser until the connection changes its protocol, and from then on passes the bytes on unchanged.
///
/// NIO's own way is to remove the parser, which takes a turn of the event loop. In between, the next handler receives
/// HTTP parts and raw bytes through the same method and cannot tell them apart; a wrong guess traps the process. Here
/// `isParsing` tells them apart, and no byte after the handshake is lost.
final class SwitchingHTTPDecoder<Parser: ByteToMessageDecoder>: ByteToMessageDecoder {
    typealias InboundOut = Parser.InboundOut

    enum Mode {
        case http
        /// Bytes are passed on unchanged.
        case raw
        /// Bytes are discarded: no more input is expected from the peer.
        case discard
    }

    /// Takes effect after the HTTP message that is being parsed.
    var mode = Mode.http
    /// True while the output consists of HTTP parts.
    private(set) var isParsing = false
    /// True if the peer has sent any bytes.
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

/// The parser's handler, and the way to replace it.
struct ProtocolSwitch<Parser: ByteToMessageDecoder> {
    let decoder: SwitchingHTTPDecoder<Parser>
    let handler: ByteToMessageHandler<SwitchingHTTPDecoder<Parser>>

    /// - Parameter maximumBufferedBytes: the most bytes that may wait while no handler reads on: an HTTP head, or
    ///   frames that arrived with the handshake.
    init(_ parser: Parser, maximumBufferedBytes: Int) {
        decoder = SwitchingHTTPDecoder(parser)
        handler = ByteToMessageHandler(decoder, maximumBufferSize: maximumBufferedBytes)
    }

    /// Ends HTTP: inserts `next` after the calling handler, passes it all bytes from here on, and removes the parser
    /// and then the calling handler.
    ///
    /// - Parameter then: called when `next` has received everything that came before.
    func complete(
        _ context: ChannelHandlerContext,
        handler caller: some RemovableChannelHandler,
        next: any ChannelHandler,
        then: @escaping () -> Void = {}
    ) throws {
        decoder.mode = .raw
        let pipeline = context.pipeline.syncOperations
        try pipeline.addHandler(next, position: .after(caller))
        // Removing the parser hands over the bytes that came after the handshake, one turn of the loop later and
        // outside a read. So this announces the end of that read.
        pipeline.removeHandler(handler).assumeIsolated().whenComplete { _ in
            context.fireChannelReadComplete()
            pipeline.removeHandler(caller, promise: nil)
            then()
        }
    }
}
