"""The bodies that are being received, and the room that all of them together may take."""

import asyncio
from dataclasses import dataclass, field

from starlette.requests import ClientDisconnect
from starlette.types import Receive


class NoRoom(Exception):
    """The body had to give way to others."""


@dataclass(slots=True, eq=False)
class _Body:
    """What has come of one body. patience: ends the wait for the rest when the body must give way."""

    address: str
    patience: asyncio.Timeout
    data: bytearray = field(default_factory=bytearray)


class Bodies:
    """Receives whole bodies. Used on the server's event loop only.

    most_bytes: of all bodies together; a body that was announced and has not come takes no room.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bodies: list[_Body] = []  # oldest first

    async def take(self, address: str, receive: Receive) -> bytes:
        """Return a client's whole body. Raise NoRoom, ClientDisconnect."""
        try:
            async with asyncio.timeout(None) as patience:
                return await self._take(_Body(address, patience), receive)
        except TimeoutError:
            raise NoRoom from None

    async def _take(self, body: _Body, receive: Receive) -> bytes:
        self._bodies.append(body)
        try:
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                body.data += message["body"]
                more = message["more_body"]
                self._make_room(body)
            return bytes(body.data)
        finally:
            if body in self._bodies:
                self._bodies.remove(body)

    def _make_room(self, newcomer: _Body) -> None:
        """While there is too little room, end a body of the client whose bodies take the most room.

        That is the newcomer, if the newcomer is this client's, else the client's oldest body. So a client that sends
        many bodies, or leaves many unfinished, locks out only itself. Raise NoRoom if the newcomer must give way.
        """
        while sum(len(body.data) for body in self._bodies) > self._most_bytes:
            room: dict[str, int] = {}
            for body in self._bodies:
                room[body.address] = room.get(body.address, 0) + len(body.data)
            largest = max(room, key=lambda address: room[address])
            if newcomer.address == largest:
                raise NoRoom
            oldest = next(body for body in self._bodies if body.address == largest)
            self._bodies.remove(oldest)
            oldest.data.clear()
            oldest.patience.reschedule(asyncio.get_running_loop().time())
