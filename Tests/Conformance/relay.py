"""A network between a client and a server on loopback that cuts their data at unusual places."""

import asyncio
import contextlib
import socket


class Relay:
    """Listens on its own port and forwards every connection to the target.

    - joins: holds the answer to a handshake until the first frames come, and forwards both in one piece.
    - alone: forwards each of the first 3000 bytes by itself; later bytes are the content of long messages.
    """

    ALONE = 3000

    def __init__(self, target, joins=False, alone=False):
        self.target, self.joins, self.alone = target, joins, alone
        self.port, self.running = None, set()

    async def start(self):
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        self._keep(self._listen(listener))
        return self

    def _keep(self, work):
        task = asyncio.create_task(work)
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def _listen(self, listener):
        with listener:
            while True:
                here, _ = await asyncio.get_running_loop().sock_accept(listener)
                self._keep(self._connect(here))

    async def _connect(self, here):
        # Sockets rather than streams: a socket forwards the data that came before a reset.
        with here, socket.socket() as there:
            there.setblocking(False)
            with contextlib.suppress(OSError):
                await asyncio.get_running_loop().sock_connect(there, ("127.0.0.1", self.target))
                for one in (here, there):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await asyncio.gather(self._pass(here, there, False), self._pass(there, here, self.joins))

    async def _pass(self, source, sink, joins):
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            if joins:
                head = b""
                while b"\r\n\r\n" not in head and (data := await loop.sock_recv(source, 1 << 16)):
                    head += data
                # A server that waits for its client to speak first sends no frames here.
                with contextlib.suppress(TimeoutError):
                    head += await asyncio.wait_for(loop.sock_recv(source, 1 << 16), 0.05)
                await loop.sock_sendall(sink, head)
            sent = 0
            while data := await loop.sock_recv(source, 1 << 16):
                few = max(self.ALONE - sent, 0) if self.alone else 0
                sent += len(data)
                for at in range(min(few, len(data))):
                    await loop.sock_sendall(sink, data[at:at + 1])
                    # The other process reads the byte meanwhile.
                    await asyncio.sleep(0)
                await loop.sock_sendall(sink, data[few:])
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
