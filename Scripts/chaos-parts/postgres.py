"""A PostgreSQL of the script's own, from the distribution's package, and a proxy to it that can lose all bytes."""
import asyncio
import glob
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile

from ports import free_port


def binaries():
    """Returns the folder of the newest PostgreSQL from 15 on, or None."""
    if os.environ.get("TALKPATH_TEST_POSTGRES"):
        return os.environ["TALKPATH_TEST_POSTGRES"]
    found = [path for path in glob.glob("/usr/lib/postgresql/*/bin") if os.path.exists(f"{path}/postgres")]
    found = [path for path in found if int(re.search(r"/(\d+)/", path).group(1)) >= 15]
    return max(found, key=lambda path: int(re.search(r"/(\d+)/", path).group(1)), default=None)


# Every program that is started here ends with this script, even if the script is killed.
def bound(*command):
    return ["setpriv", "--pdeathsig", "KILL", *command]


class Postgres:
    """PostgreSQL refuses to run as root, so it runs as an unprivileged user there. On loopback only, without fsync."""

    def __init__(self):
        self.bin, self.port, self.password = binaries(), free_port(), secrets.token_hex(12)
        # Below /tmp, because the unprivileged user must reach it.
        self.folder = tempfile.mkdtemp(prefix="talkpath-chaos-pg-", dir="/tmp")
        self.process, self.schemas = None, 0
        with open(f"{self.folder}/password", "w") as file:
            file.write(self.password)
        if os.geteuid() == 0:
            for path in (self.folder, f"{self.folder}/password"):
                shutil.chown(path, "nobody", "nogroup")
        subprocess.run(
            self._as_user(
                f"{self.bin}/initdb", "-D", f"{self.folder}/data", "-U", "postgres", "--auth=scram-sha-256",
                f"--pwfile={self.folder}/password", "-E", "UTF8", "--no-locale", "--no-sync",
            ),
            check=True, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )

    @staticmethod
    def _as_user(*command):
        user = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
        return ["setpriv", *user, "--pdeathsig", "KILL", *command]

    async def start(self):
        """Starts it, and waits until it answers."""
        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen(
                self._as_user(
                    f"{self.bin}/postgres", "-D", f"{self.folder}/data", "-p", str(self.port), "-k", self.folder,
                    "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "full_page_writes=off",
                    "-c", "max_connections=200", "-c", "shared_buffers=32MB",
                ),
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        for _ in range(600):
            if self.process.poll() is not None:
                raise RuntimeError("PostgreSQL did not start: " + open(f"{self.folder}/log").read()[-500:])
            try:
                await self.sql("SELECT 1")
                return
            except RuntimeError:
                await asyncio.sleep(0.05)
        raise RuntimeError("PostgreSQL does not answer")

    async def stop(self):
        """Stops it as `pg_ctl stop --mode=immediate` does: without a word to its clients, as after a crash."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            await asyncio.get_running_loop().run_in_executor(None, self.process.wait, 20)

    async def close(self):
        try:
            await self.stop()
        finally:
            if self.process and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            shutil.rmtree(self.folder, ignore_errors=True)

    async def sql(self, statement, schema=None):
        """Runs statements; returns the rows as lists of text."""
        environment = dict(os.environ, PGPASSWORD=self.password, PGOPTIONS=f"-csearch_path={schema}" if schema else "")
        process = await asyncio.create_subprocess_exec(
            f"{self.bin}/psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1",
            "-p", str(self.port), "-U", "postgres", "-d", "postgres", "-c", statement, env=environment,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"psql: {errors.decode().strip()}")
        return [line.split("\t") for line in output.decode().splitlines() if line]

    async def schema(self):
        self.schemas += 1
        name = f"trial_{self.schemas}"
        await self.sql(f"CREATE SCHEMA {name}")
        return name

    def url(self, schema, port=None):
        return (
            f"postgres://postgres:{self.password}@127.0.0.1:{port or self.port}/postgres?sslmode=disable"
            f"&options=-csearch_path%3D{schema}"
        )


class Cutter:
    """A proxy in front of the database. While it is cut, connections stay open, new ones are made, and bytes vanish."""

    def __init__(self, port):
        self.target, self.is_cut, self.links = port, False, set()

    async def open(self):
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    def cut(self):
        self.is_cut = True

    def mend(self):
        """Lets bytes pass again. The connections that have lost some end, as a network would end them in time."""
        self.is_cut = False
        self._drop()

    def _drop(self):
        for writer in list(self.links):
            writer.transport.abort()

    async def close(self):
        self._listener.close()
        self._drop()

    async def _serve(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        ends = {writer, far_writer}
        self.links |= ends
        try:
            pumps = [asyncio.ensure_future(self._pump(*pair)) for pair in ((reader, far_writer), (far_reader, writer))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            self.links -= ends
            for end in ends:
                end.close()

    async def _pump(self, reader, writer):
        while True:
            data = await reader.read(65536)
            if not data:
                return
            if not self.is_cut:
                writer.write(data)
                await writer.drain()
