"""Notifications by Apprise, to a real HTTP server."""

import base64
import logging
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from posting import TOKEN, endpoint
from test_notices import ALL, NOON, camera, decided, event

from streamwatch.core.codes import EventType
from streamwatch.core.errors import ConfigError, ReceiverAway
from streamwatch.outward.apprise_post import ApprisePost
from streamwatch.outward.notifier import DIGEST_WITHIN, RETRY, TRIES, Figures, PeopleNotifier


@dataclass
class FakePost:
    """Takes messages, or not."""

    takes: bool = True
    messages: list[tuple[str, str]] = field(default_factory=list)

    def send(self, title: str, body: str, jpeg: bytes | None = None) -> bool:
        if self.takes:
            self.messages.append((title, body))
        return self.takes

    @property
    def titles(self) -> list[str]:
        return [title for title, _ in self.messages]


@dataclass
class Clock:
    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at


def test_a_message_arrives_with_its_picture(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with endpoint() as (address, posted):
        posts = [ApprisePost(address, "outward.notify.guard")]
        notifier = PeopleNotifier("guard", posts, ALL, Clock(), lambda _: b"a picture")
        notifier.send([decided("deny", "blocked", holder="Ms Li")])
        notifier.send([event(EventType.TEST, text="hello", who="li")])
    assert [one["title"] for one in posted] == ["Blocked vehicle 京AF0236 at entry", "streamwatch: a test"]
    assert posted[0]["message"].splitlines()[0] == "Ms Li"
    assert [base64.b64decode(one["base64"]) for one in posted[0]["attachments"]] == [b"a picture"]
    assert not posted[1]["attachments"]
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("status", [500, 302, 404])
def test_a_service_that_refuses_is_tried_on_without_a_secret(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with endpoint(status) as (address, posted):
        notifier = PeopleNotifier("guard", [ApprisePost(address, "here")], ALL, Clock())
        with pytest.raises(ReceiverAway, match=r"address 1 of outward\.notify\.guard") as raised:
            notifier.send([camera(False)])
        with pytest.raises(ReceiverAway):  # the cool-down does not count what was not told
            notifier.send([camera(False)])
    assert len(posted) == 2
    assert TOKEN not in caplog.text + str(raised.value)


def test_an_address_that_nobody_knows_is_one_sentence_without_it(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigError, match=r"outward\.notify\.guard is no address that Apprise knows") as raised:
        ApprisePost(f"nonsense://{TOKEN}", "outward.notify.guard")
    assert TOKEN not in caplog.text + str(raised.value)


def test_without_the_extra_one_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    with pytest.raises(ConfigError, match=r"pip install '\.\[notify\]'"):
        ApprisePost("json://127.0.0.1", "here")


def test_nothing_is_stored_or_fetched_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def no_socket(*_: object, **__: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(socket.socket, "connect", no_socket)
    ApprisePost("json://127.0.0.1:9/", "here")
    ApprisePost(f"bark://127.0.0.1:9/{'a' * 22}", "here")
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_fails_holds_the_others_up_for_a_few_tries_only() -> None:
    good, bad = FakePost(), FakePost(takes=False)
    notifier = PeopleNotifier("guard", [good, bad], ALL, Clock())
    for _ in range(TRIES - 1):
        with pytest.raises(ReceiverAway, match="address 2"):
            notifier.send([camera(False)])
    notifier.send([camera(False)])
    assert good.titles == ["Camera front is away"]  # once
    good.takes = False
    for _ in range(TRIES + 1):  # nobody has it: it is never given up
        with pytest.raises(ReceiverAway, match="address 1, 2"):
            notifier.send([decided("deny", "blocked")])


def test_the_digest_comes_once_a_day() -> None:
    clock, post = Clock(NOON.replace(hour=7)), FakePost()
    figures = Figures(date(2026, 11, 27), {"vehicles": 960, "read": 950, "inside": 12})
    notifier = PeopleNotifier("owner", [post], ALL, clock, digest=time(8), figures=lambda: figures)
    notifier.tick()
    assert post.messages == []
    for minutes in (60, 61, 600):
        clock.at = NOON.replace(hour=7) + timedelta(minutes=minutes)
        notifier.tick()
    assert post.messages == [("Yesterday, 2026-11-27", "Vehicles: 960\nPlates read: 950\nInside now: 12")]
    clock.at = NOON.replace(hour=8) + timedelta(days=1)
    post.takes = False
    notifier.tick()
    post.takes = True
    notifier.tick()  # not at once again
    assert len(post.messages) == 1
    clock.at += RETRY * 2
    notifier.tick()
    assert len(post.messages) == 2


def test_a_restart_after_the_hour_sends_no_second_digest_and_a_late_one_is_left_out() -> None:
    clock, post = Clock(NOON.replace(hour=8, minute=1)), FakePost()
    figures = Figures(date(2026, 11, 27), {})
    notifier = PeopleNotifier("owner", [post], ALL, clock, digest=time(8), figures=lambda: figures)
    notifier.tick()
    clock.at = NOON.replace(hour=8) + timedelta(days=1) + DIGEST_WITHIN * 1.5  # asleep meanwhile
    notifier.tick()
    assert post.messages == []


def test_the_end_of_the_cool_down_is_told_by_the_tick() -> None:
    clock, post = Clock(), FakePost()
    notifier = PeopleNotifier("guard", [post], ALL, clock)
    notifier.send([camera(False)])
    notifier.send([camera(True)])
    notifier.tick()
    assert post.titles == ["Camera front is away"]
    clock.at += timedelta(minutes=5)
    notifier.tick()
    assert post.titles == ["Camera front is away", "Camera front is back"]
    assert clock.at.tzinfo is UTC
