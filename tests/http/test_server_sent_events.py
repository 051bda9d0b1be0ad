"""Server-sent events over real sockets."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from listening import running
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamwatch.core.errors import StorageFailed
from streamwatch.http.limits import HttpLimits
from streamwatch.http.server import HttpServer
from streamwatch.http.server_sent_events import EventFeed, ServerSentEvent
from streamwatch.http.sockets import listen


@dataclass(frozen=True)
class Change:
    revision: int
    text: str


@dataclass
class Book:
    """What changes, and how often it was asked."""

    changes: list[Change] = field(default_factory=list)
    looks: int = 0
    asked: list[int] = field(default_factory=list)
    broken: bool = False
    stopping: bool = False

    def write(self, text: str) -> None:
        self.changes.append(Change(self.newest_now() + 1, text))

    def newest_now(self) -> int:
        return self.changes[-1].revision if self.changes else 0

    def newest(self) -> int:
        self.looks += 1
        if self.broken:
            raise StorageFailed("The database is locked.")
        return self.newest_now()

    def since(self, revision: int) -> list[Change]:
        self.asked.append(revision)
        return [change for change in self.changes if change.revision > revision][:100]


@contextmanager
def served(book: Book, longest: float = 300.0) -> Iterator[str]:
    feed = EventFeed(book.newest, book.since, lambda: book.stopping, every=0.05, longest=longest)

    async def events(request: Request) -> Response:
        hidden = request.query_params.get("hidden", "")
        return feed.response(
            request.headers.get("last-event-id", ""),
            lambda one: (
                None if hidden and hidden in one.text else ServerSentEvent(one.text, "change", str(one.revision))
            ),
            ServerSentEvent("1", "hello"),
            ServerSentEvent("", "lost"),
            most=1000,
        )

    app = Starlette(routes=[Route("/", events)])
    with running(HttpServer(app, listen("127.0.0.1", 0, "a test"), HttpLimits())) as server:
        yield f"http://127.0.0.1:{server.port}/"
        book.stopping = True


class Listener:
    """A client that collects lines on a thread."""

    def __init__(self, url: str, last: str = "") -> None:
        self.lines: list[str] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(url, last))
        self._thread.start()

    def _run(self, url: str, last: str) -> None:
        headers = {"Last-Event-ID": last} if last else {}
        with httpx.stream("GET", url, headers=headers, timeout=60) as response:
            for line in response.iter_lines():
                self.lines.append(line)
        self.ended.set()

    def wait(self, line: str) -> None:
        until(lambda: line in self.lines)

    def join(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_all_listeners_hear_of_a_change_and_share_the_question() -> None:
    book = Book()
    book.write("old")
    with served(book) as url:
        listeners = [Listener(url) for _ in range(5)]
        for listener in listeners:
            listener.wait("event: hello")
        until(lambda: book.looks > 3)
        book.write("two\nlines")
        for listener in listeners:
            listener.wait("data: lines")
        assert listeners[0].lines[-5:-1] == ["event: change", "id: 2", "data: two", "data: lines"]
        assert all("data: old" not in listener.lines for listener in listeners)
        assert book.asked.count(1) == len(book.asked) <= 2
        book.stopping = True
        for listener in listeners:
            listener.join()
    looks = book.looks
    time.sleep(0.2)
    assert book.looks == looks


def test_one_who_comes_back_hears_what_was_missed() -> None:
    book = Book()
    for text in ("a", "b", "c"):
        book.write(text)
    with served(book) as url:
        listener = Listener(url, "1")
        listener.wait("data: c")
        assert [line for line in listener.lines if line.startswith("data")] == ["data: 1", "data: b", "data: c"]
        book.stopping = True
        listener.join()


def test_what_was_missed_comes_in_portions_and_too_much_of_it_does_not() -> None:
    book = Book()
    for number in range(1, 1200):
        book.write(f"change {number}")
    with served(book) as url:
        listener = Listener(url, "899")
        listener.wait("data: change 1199")
        assert sum(line.startswith("data: change") for line in listener.lines) == 300
        long_gone = Listener(url, "1")
        long_gone.wait("event: lost")
        assert not any(line.startswith("data: change") for line in long_gone.lines)
        book.stopping = True
        listener.join()
        long_gone.join()


def test_each_listener_hears_only_what_it_may() -> None:
    book = Book()
    with served(book) as url:
        listener = Listener(f"{url}?hidden=secret", "0")
        book.write("a secret")
        book.write("open")
        listener.wait("data: open")
        assert "data: a secret" not in listener.lines
        book.stopping = True
        listener.join()


@pytest.mark.parametrize("last", ["99", "9" * 19])
def test_one_who_comes_from_another_database_is_told(last: str) -> None:
    book = Book()
    book.write("a")
    with served(book) as url:
        listener = Listener(url, last)
        listener.wait("event: lost")
        book.write("b")
        listener.wait("data: b")
        book.stopping = True
        listener.join()


@pytest.mark.parametrize("last", ["-1", "x", "1.5", "٣", "9" * 30])
def test_a_nonsense_id_begins_with_now(last: str) -> None:
    book = Book()
    book.write("a")
    with served(book) as url, httpx.stream("GET", url, headers={"Last-Event-ID": last.encode()}, timeout=60) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry: ")
        until(lambda: book.looks > 3)
        assert book.asked == []
        book.stopping = True
        assert "data: a" not in list(lines)


def test_a_database_that_fails_ends_the_stream_and_not_the_server() -> None:
    book = Book()
    with served(book) as url:
        listener = Listener(url)
        listener.wait("event: hello")
        book.broken = True
        listener.join()
        book.broken = False
        again = Listener(url, "0")
        book.write("a")
        again.wait("data: a")
        book.stopping = True
        again.join()


def test_a_stream_ends_after_a_while_so_that_the_client_is_asked_again_who_it_is() -> None:
    book = Book()
    book.write("a secret")
    with served(book, longest=0.2) as url:
        listener = Listener(f"{url}?hidden=secret", "0")
        listener.join()
        assert listener.ended.is_set()
        assert "event: hello" in listener.lines
        assert listener.lines[-2:] == ["id: 1", ""]
