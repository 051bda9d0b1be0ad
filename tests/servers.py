"""Start real PostgreSQL servers for tests: Debian's binaries, a folder of their own, a port on loopback."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import psycopg
import pytest
from daemons import DATABASE_PASSWORD, free_port

USER = "gate"


def binaries() -> Path | None:
    """Return the folder of the newest server that Debian has installed here."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((file.parent for file in found), key=lambda folder: int(folder.parent.name), default=None)


def missing() -> str:
    """Return the reason why no server can be started here; empty if one can."""
    return "" if binaries() else "no PostgreSQL server here: apt install postgresql"


def _unprivileged() -> dict[str, Any]:
    """Return the arguments of subprocess for an ordinary user, because a server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise AssertionError("this machine has neither a user postgres nor nobody")


class Server:
    """A server that can be stopped, killed and started again.

    before: words of a command that starts it, such as one that enters a mount namespace.
    """

    def __init__(self, before: Sequence[str] = ()) -> None:
        found = binaries()
        assert found is not None
        self._bin, self._before, self._user = found, list(before), _unprivileged()
        # Not below tmp_path, because other users cannot enter its folders and a socket's path must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="pg"))
        if self._user:
            os.chown(self.folder, self._user["user"], self._user["group"])
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        initialise = ["initdb", "-D", "data", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]
        self._run([*initialise, "--auth-local=trust", "--auth-host=scram-sha-256", "--wal-segsize=1"])
        with (self.folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = '{self.folder}'\n"
                "max_connections = 40\nmin_wal_size = 2MB\nmax_wal_size = 8MB\nshared_buffers = 4MB\n"
                "fsync = off\n"  # what a killed process has written stays with the kernel
            )
        self.start()
        self.ask(f"CREATE ROLE {USER} LOGIN PASSWORD '{DATABASE_PASSWORD}'")
        self.ask(f"CREATE DATABASE {USER} OWNER {USER}")

    def _command(self, words: Sequence[str]) -> list[str]:
        return [str(self._bin / words[0]), *words[1:]]

    def _run(self, words: Sequence[str]) -> None:
        done = subprocess.run(self._command(words), cwd=self.folder, capture_output=True, text=True, **self._user)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start it; return once it answers."""
        with (self.folder / "log").open("a") as log:
            command = [*self._before, *self._command(["postgres", "-D", str(self.folder / "data")])]
            user = {} if self._before else self._user  # the command changes the user itself
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **user)
        ready = self._command(["pg_isready", "-q", "-h", str(self.folder), "-p", str(self.port)])
        limit = time.monotonic() + 60
        while subprocess.call(ready, cwd=self.folder) != 0:
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < limit, (self.folder / "log").read_text()
            time.sleep(0.05)

    def move_to(self, disk: Path, enter: Sequence[str]) -> None:
        """Give it a disk. Its next start goes through `enter`, a command that enters the disk's namespace."""
        os.chown(disk, self._user["user"], self._user["group"])
        user, group = str(self._user["user"]), str(self._user["group"])
        self._before = [*enter, "setpriv", "--reuid", user, "--regid", group, "--clear-groups"]

    def kill(self) -> None:
        """End it as a power cut does; return once its sessions have gone, too."""
        assert self._process is not None
        main = self._main()
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        for pid in (main, *map(int, children)):
            os.kill(pid, signal.SIGKILL)
        self._process.wait(60)
        while any(Path(f"/proc/{pid}").exists() for pid in children):
            time.sleep(0.02)

    def _main(self) -> int:
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def stop(self, number: int = signal.SIGINT) -> None:
        """End it without waiting for its clients."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self._main(), number)
            self._process.wait(60)

    def remove(self) -> None:
        """End it and remove its folder."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def database(self) -> "PostgresDatabase":
        """Return an empty database that the ordinary user owns. It is a schema, because that is made at once."""
        name = f"gate_{uuid4().hex[:12]}"
        self.ask(f"CREATE SCHEMA {name} AUTHORIZATION {USER}", USER)
        return PostgresDatabase(self, name)

    def ask(
        self, statement: str, database: str = "postgres", user: str = "postgres", schema: str = "public"
    ) -> list[Any]:
        """Return the server's rows for a statement, without the product; as its administrator by default."""
        where = f"host={self.folder} port={self.port} dbname={database} user={user} options=-csearch_path={schema}"
        with closing(psycopg.connect(where, autocommit=True)) as connection:
            connection.adapters.register_loader("json", psycopg.types.string.TextLoader)
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            if cursor.description is None:
                return []
            names = [column.name for column in cursor.description]
            return [Row(names, values) for values in cursor.fetchall()]


class Row(tuple[Any, ...]):
    """A row as sqlite3.Row gives it: values by number and by name, times as SQLite keeps them."""

    names: list[str]

    def __new__(cls, names: list[str], values: Sequence[Any]) -> "Row":
        row = super().__new__(cls, [_plain(value) for value in values])
        row.names = names
        return row

    def __getitem__(self, which: Any) -> Any:
        return super().__getitem__(self.names.index(which) if isinstance(which, str) else which)


def _plain(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    value = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond:06d}"


class PostgresDatabase:
    """One database of a server; the same to tests as `records.SqliteDatabase`."""

    kind = "postgresql"

    def __init__(self, server: Server, schema: str) -> None:
        self.server, self.schema = server, schema
        self.url = self.through(server.port)

    def through(self, port: int) -> str:
        """Return its URL with another port."""
        address = f"{USER}:{DATABASE_PASSWORD}@127.0.0.1:{port}/{USER}"
        return f"postgresql://{address}?options=-csearch_path%3D{self.schema}"

    def rows(self, query: str) -> list[Row]:
        return self.server.ask(query, USER, schema=self.schema)

    def execute(self, statement: str) -> None:
        """Run a statement as its owner."""
        self.server.ask(statement, USER, USER, self.schema)


@contextmanager
def running_server(before: Sequence[str] = ()) -> Iterator[Server]:
    """Run a server for the time of the block; skip the test if none can be started."""
    if why := missing():
        pytest.skip(why)
    server = Server(before)
    try:
        yield server
    finally:
        server.remove()


class Proxy:
    """A network between a program and a server that can break at the next COMMIT.

    The server's side of the connection stays open, as when a cable is pulled.
    cut: `before` if the server is not to get that COMMIT, `after` if only its answer is to be lost.
    """

    def __init__(self, port: int) -> None:
        self._target, self._listener = port, socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut: Literal["", "before", "after"] = ""
        self._open: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def close(self) -> None:
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(30)
        for end in self._open:
            end.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open += [client, server]
                self._start(self._pump, client, server, client, "before")
                self._start(self._pump, server, client, client, "after")

    def _pump(self, source: socket.socket, sink: socket.socket, client: socket.socket, where: str) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self.cut == where and b"COMMIT" in data:
                    self.cut = ""
                    client.shutdown(socket.SHUT_RDWR)
                    return
                sink.sendall(data)
            if source is not client:
                client.shutdown(socket.SHUT_RDWR)
