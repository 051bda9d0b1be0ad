"""Server-sent events: what has changed, told to all who listen, from one look for all of them.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from streamwatch.core.errors import StreamwatchError

log = logging.getLogger(__name__)

HEARTBEAT = 15.0
"""Seconds without an event after which the position is sent, so that a lost link is noticed."""
RETRY = 1000
"""Milliseconds after which a browser comes back."""
LONGEST = 300.0
"""Seconds after which a stream ends and the client comes back, so that it is asked again who it is."""
MOST_OF_ONE, MOST = 40, 96
"""Streams at the same time: of one listener, and of all. A stream holds a connection of the server, which has
`HttpLimits.connections`; the rest are for pages."""
_LARGEST = 2**63 - 1


class Revised(Protocol):
    """Something that changes. revision: grows over all of them with each change."""

    @property
    def revision(self) -> int:
        """Return the number of its last change."""


T = TypeVar("T", bound=Revised)


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event. data: text of any number of lines. id: what the client names when it comes back; "" for none."""

    data: str
    event: str = ""
    id: str = ""

    def encode(self) -> str:
        """Return it as it is sent."""
        head = (f"event: {self.event}\n" if self.event else "") + (f"id: {self.id}\n" if self.id else "")
        return head + "".join(f"data: {line}\n" for line in self.data.splitlines() or [""]) + "\n"


class Listeners:
    """Counts the open streams by listener. Used on the server's event loop, but for `require_room`."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def require_room(self, name: str) -> None:
        """Raise HTTPException if a listener, or all together, have too many streams."""
        if self._open[name] >= MOST_OF_ONE or self._open.total() >= MOST:
            raise HTTPException(503, headers={"Retry-After": "5"})

    async def counted(self, name: str, stream: AsyncIterator[str]) -> AsyncIterator[str]:
        """Yield what a stream yields, and count it as open meanwhile."""
        self._open[name] += 1
        try:
            async for text in stream:
                yield text
        finally:
            self._open[name] -= 1
            self._open += Counter()  # forgets whoever has none


class EventFeed(Generic[T]):
    """Tells listeners what has changed. It asks only while somebody listens, and once for all of them.

    newest: returns the highest revision. since: returns what changed after a revision, by rising revision; what is too
    much for one answer comes with the next. Both block, and run in a thread. stopping: True once the streams must end.
    every: seconds between two looks. longest: seconds until a stream ends. listeners: those of other feeds, too.
    """

    def __init__(
        self,
        newest: Callable[[], int],
        since: Callable[[int], Sequence[T]],
        stopping: Callable[[], bool],
        every: float = 0.3,
        longest: float = LONGEST,
        listeners: Listeners | None = None,
    ) -> None:
        self.listeners = listeners or Listeners()
        self._ask_newest, self._ask_since, self._stopping = newest, since, stopping
        self._every, self._longest = every, longest
        self._lock = asyncio.Lock()
        self._newest, self._asked_at = 0, float("-inf")
        self._batch: tuple[int, int, Sequence[T]] = (-1, -1, ())

    def response(
        self,
        last_event_id: str,
        render: Callable[[T], ServerSentEvent | None],
        greeting: ServerSentEvent | None = None,
        lost: ServerSentEvent | None = None,
        most: int | None = None,
        listener: str = "",
    ) -> StreamingResponse:
        """Return the stream for one listener.

        last_event_id: a revision; for any other text it begins with what changes from now on. render: returns the event
        for something that changed, None if this listener may not know; runs in a thread. greeting: the first event.
        lost: sent instead of what was missed if the client names a revision of another database, or one that is more
        than `most` changes old. listener: who it is, for the limits. Raise HTTPException if that one has too many.
        """
        self.listeners.require_room(listener)
        return StreamingResponse(
            self.listeners.counted(listener, self._stream(_revision(last_event_id), render, greeting, lost, most)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _stream(
        self,
        seen: int | None,
        render: Callable[[T], ServerSentEvent | None],
        greeting: ServerSentEvent | None,
        lost: ServerSentEvent | None,
        most: int | None,
    ) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        yield f"retry: {RETRY}\n\n" + (greeting.encode() if greeting else "")
        began = told_at = loop.time()
        while not self._stopping() and loop.time() - began < self._longest:
            try:
                newest = await self._look()
                if seen is None or (lost and (seen > newest or (most is not None and newest - seen > most))):
                    events = lost.encode() if seen is not None and lost else ""
                    seen = newest
                else:
                    changed = await self._changed(seen, newest) if seen < newest else ()
                    events = await run_in_threadpool(_rendered, render, changed) if changed else ""
                    seen = changed[-1].revision if changed else newest
            except StreamwatchError as error:  # the browser comes back and tries again
                log.warning("A page that follows the passages is told to come back: %s", error)
                return
            if events or loop.time() - told_at >= HEARTBEAT:
                yield events or _position(seen)
                told_at = loop.time()
            if seen >= newest:
                await asyncio.sleep(self._every)
        if seen is not None:
            yield _position(seen)

    async def _look(self) -> int:
        """Return the newest revision; of all who ask within `every` seconds, one looks."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._asked_at >= self._every * 0.9:
                self._newest = await run_in_threadpool(self._ask_newest)
                self._asked_at = now
            return self._newest

    async def _changed(self, seen: int, newest: int) -> Sequence[T]:
        """Return what changed after `seen`; the listeners who have seen the same share the answer."""
        async with self._lock:
            if self._batch[:2] != (seen, newest):
                found = await run_in_threadpool(self._ask_since, seen)
                self._batch = (seen, newest, [item for item in found if item.revision <= newest])
            return self._batch[2]


def _position(seen: int) -> str:
    """Return what tells a client how far it has seen, without an event: what it may not know counts, too."""
    return f"id: {seen}\n\n"


def _rendered(render: Callable[[T], ServerSentEvent | None], changed: Sequence[T]) -> str:
    return "".join(event.encode() for item in changed if (event := render(item)) is not None)


def _revision(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    return min(int(text), _LARGEST)
