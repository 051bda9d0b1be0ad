"""All connections of a server: how many there may be, which one gives way, and how they end."""

import asyncio
from collections import Counter

from streamwatch.http.connection import Connection


class Connections:
    """The open connections, oldest first. Used on the server's event loop only. most: at the same time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[Connection, None] = {}
        self._empty = asyncio.Event()

    def add(self, connection: Connection) -> None:
        """Count a connection in."""
        self._open[connection] = None

    def remove(self, connection: Connection) -> None:
        """Count a connection out, if it is still counted."""
        self._open.pop(connection, None)
        if not self._open:
            self._empty.set()

    def make_room(self) -> bool:
        """Make room for one more; False if the application is at work for every connection.

        The oldest connection gives way, of the client that has the most of them. So a client that opens many locks out
        only itself.
        """
        if len(self._open) < self._most:
            return True
        held = [connection for connection in self._open if connection.gives_way]
        if not held:
            return False
        (busiest, _), *_ = Counter(connection.address for connection in held).most_common(1)
        oldest = next(connection for connection in held if connection.address == busiest)
        oldest.abort()
        self.remove(oldest)
        return True

    def leave(self) -> None:
        """Let each connection answer what it has begun, and end."""
        for connection in list(self._open):
            connection.leave()

    def cut_off(self) -> None:
        """End all connections at once."""
        for connection in list(self._open):
            connection.abort()
            self.remove(connection)

    async def until_empty(self) -> None:
        """Wait until the last connection has ended."""
        if self._open:
            self._empty.clear()
            await self._empty.wait()
