"""A value that another thread makes, while a client waits for it."""

import asyncio
from contextlib import suppress
from typing import Any, Generic, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

T = TypeVar("T")


class Handoff(Generic[T]):
    """Made on the event loop of the client's request. abandoned: the client has gone, and nobody wants the value."""

    def __init__(self) -> None:
        self.abandoned = False
        self._value: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def give(self, value: T) -> None:
        """Hand the value over, from any thread."""
        with suppress(RuntimeError):  # the server has ended
            self._value.get_loop().call_soon_threadsafe(self._set, value)

    async def wait(self, receive: Receive) -> T:
        """Return the value. receive: of the request, whose body has been read. Raise ClientDisconnect."""
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            either: set[asyncio.Future[Any]] = {self._value, gone}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            self.abandoned = not self._value.done()
        if self.abandoned:
            raise ClientDisconnect
        return self._value.result()

    def _set(self, value: T) -> None:
        if not self._value.done():
            self._value.set_result(value)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
