"""From a press on the page of a lane to the relay: real barriers, a real database, a stand-in for the relay."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

import httpx
import pytest
from browser import PHONE, Visitor
from consoles import DrawnBackend, DrawnConsole, as_somebody
from drawn_lanes import add_permit, decide
from listening import running
from playwright.sync_api import expect
from records import ONLY_SQLITE, Database
from relays import Relay, closes, http_relay, status, wait_until
from sites import Site, relayed, site

from streamwatch.core.codes import DecisionReason, OpeningCause, OpeningState, PermitKind, Role, Verdict, WithheldReason
from streamwatch.core.errors import StorageFailed
from streamwatch.core.events import DecisionMade
from streamwatch.http.limits import HttpLimits
from streamwatch.http.server import HttpServer
from streamwatch.http.sockets import listen
from streamwatch.store import Store, open_reader
from streamwatch.store.audit_log import AuditLog
from streamwatch.store.permit_reader import PermitReader
from streamwatch.store.permit_rows import PermitRow
from streamwatch.web.accounts.principal import Principal
from streamwatch.web.console import make_console

T = TypeVar("T")
JSON = {"Accept": "application/json"}


class SiteBackend(DrawnBackend):
    """A program behind the console with the barriers and the writer of a site."""

    def __init__(self, gate: Site) -> None:
        super().__init__(gate.settings, gate.store, barriers=gate.barriers)
        self._writer = gate.writer

    def write(self, call: Callable[[Store], T]) -> T:
        return self._writer.ask_once(lambda: call(self.store), 20)


@contextmanager
def guarded(database: Database, folder: Path, relay: Relay, **config: Any) -> Iterator[DrawnConsole]:
    """Serve the console of a site whose lane `entry` has a relay."""
    with site(database, folder, relayed(relay), **config) as gate:
        reader = open_reader(database.url, gate.settings.data_dir)
        backend = SiteBackend(gate)
        server = HttpServer(make_console(backend, reader), listen("127.0.0.1", 0, "a test"), HttpLimits(keep_alive=5))
        try:
            with running(server):
                url = f"http://127.0.0.1:{server.port}"
                yield DrawnConsole(url, backend, gate.store, reader, gate.settings.data_dir)
                backend.ending = True
        finally:
            reader.close()


def openings(database: Database) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in database.rows("SELECT cause, state, reason, who, note FROM openings ORDER BY id")]


def test_a_press_reaches_the_relay_once(database: Database, tmp_path: Path, visitor: Visitor) -> None:
    with http_relay() as relay, guarded(database, tmp_path, relay) as console:
        page = visitor.open(f"{console.url}/lanes/entry", PHONE)
        expect(page.locator("#link-state")).to_have_text("live")
        decide(console, "沪B8K219", lane="entry")
        expect(page.locator(".lane")).to_have_attribute("data-waits", "1")
        expect(page.locator(".lane")).not_to_have_class("lane large arrived")
        page.get_by_role("button", name="Open", exact=True).dblclick()
        expect(page.locator(".decision .followed").last).to_have_text("Opened by local")
        page.close()
        assert relay.orders == ["GET /open"]
        assert openings(database) == [("answer", "done", "", "local", "")]
        (passed,) = database.rows("SELECT answer, answered_by, passed_plate FROM decisions")
        assert tuple(passed) == ("opened", "local", "沪B8K219")
        (told,) = database.rows("SELECT who, action, object FROM audit_log")
        assert tuple(told) == ("local", "decision_answered", "沪B8K219")


@ONLY_SQLITE
def test_many_guards_at_once_open_once(database: Database, tmp_path: Path) -> None:
    with http_relay() as relay, guarded(database, tmp_path, relay) as console:
        decide(console, "沪B8K219", lane="entry")
        form = {"do": "answer", "decision": "1", "revised": "0", "answer": "opened"}

        def press(number: int) -> tuple[str, str]:
            name = f"guard{number}"
            with as_somebody(console, Principal(name, Role.GUARD)) as client:
                return name, client.post("/lanes/entry", data=form, headers=JSON).json()["text"]

        with ThreadPoolExecutor(8) as pool:
            said = dict(pool.map(press, range(8)))
        winners = [name for name, text in said.items() if text == "The barrier opens."]
        assert len(winners) == 1
        assert {text for name, text in said.items() if name not in winners} == {
            f"{winners[0]} was first and has opened."
        }
        assert relay.orders == ["GET /open"]
        assert [who for _, _, _, who, _ in openings(database)] == winners


@ONLY_SQLITE
def test_the_kill_switch_stops_every_press(database: Database, tmp_path: Path) -> None:
    with http_relay() as relay, guarded(database, tmp_path, relay) as console:
        decide(console, "沪B8K219", lane="entry")
        with httpx.Client(base_url=console.url, headers=JSON) as client:
            client.post("/lanes", data={"do": "stop"})
            answer = {"do": "answer", "decision": "1", "revised": "0", "answer": "opened"}
            for form in (answer, {"do": "open", "reason": "delivery"}):
                told = client.post("/lanes/entry", data=form).json()
                assert told["text"] == "Not opened: all openings are stopped by the kill switch."
            assert relay.orders == []
            client.post("/lanes", data={"do": "resume"})
            told = client.post("/lanes/entry", data={"do": "open", "reason": "delivery", "more": "post"}).json()
            assert told == {"text": "The barrier opens.", "tone": "good"}
        assert relay.orders == ["GET /open"]
        assert openings(database) == [("by_hand", "done", "", "local", "delivery – post")]


@pytest.mark.errors_expected
@ONLY_SQLITE
def test_a_relay_that_fails_is_said_and_not_asked_again(database: Database, tmp_path: Path) -> None:
    for behaviour, said in ((status(404), "The barrier did not open"), (closes, "It is not known")):
        folder = tmp_path / said[:5].strip()
        folder.mkdir()
        with http_relay(behaviour=behaviour) as relay, guarded(database, folder, relay) as console:
            told = httpx.post(
                f"{console.url}/lanes/entry", data={"do": "open", "more": "fire"}, headers=JSON, timeout=30
            ).json()
            assert told["text"].startswith(said)
            assert told["tone"] == "bad"
            assert len(relay.orders) == 1
            assert "The barrier has a fault" in httpx.get(f"{console.url}/lanes/entry").text


@ONLY_SQLITE
def test_an_allowed_vehicle_of_a_manual_lane_waits_for_a_press(database: Database, tmp_path: Path) -> None:
    lanes = {"entry": {"cameras": ["gate"], "barrier": "front", "mode": "manual"}}
    with http_relay() as relay, guarded(database, tmp_path, relay, lanes=lanes) as console:
        decide(console, "沪B8K219", Verdict.ALLOW, DecisionReason.PERMITTED, "entry")
        assert relay.orders == []
        form = {"do": "answer", "decision": "1", "revised": "0", "answer": "opened"}
        assert httpx.post(f"{console.url}/lanes/entry", data=form, headers=JSON).json()["tone"] == "good"
        assert relay.orders == ["GET /open"]


@ONLY_SQLITE
def test_what_a_person_refused_and_what_has_opened_is_not_opened_by_a_late_order(
    database: Database, tmp_path: Path
) -> None:
    with http_relay() as relay, guarded(database, tmp_path, relay, access={"cool_down": 0}) as console:
        barriers = console.backend.barriers
        assert barriers is not None

        def ask(key: str, cause: OpeningCause) -> tuple[OpeningState, WithheldReason]:
            wait_until(lambda: not barriers.states()[0].busy)
            made = DecisionMade(
                key=key,
                lane="entry",
                camera="gate",
                verdict=Verdict.ALLOW,
                reason=DecisionReason.PERMITTED,
                plate="沪B8K219",
                sighting="s",
                passage="p",
                keyframe="k",
                captured_at=datetime.now(UTC),
                read_at=time.monotonic(),
                live=True,
            )
            outcome = barriers.request("entry", cause, made, "ann")
            return outcome.state, outcome.reason

        overtaken = OpeningState.WITHHELD, WithheldReason.OVERTAKEN
        refused = decide(console, "沪B8K219", Verdict.ALLOW, DecisionReason.PERMITTED, "entry")
        form = {"do": "answer", "decision": "1", "revised": "0", "answer": "refused"}
        assert httpx.post(f"{console.url}/lanes/entry", data=form, headers=JSON).json()["tone"] == "good"
        assert ask(refused, OpeningCause.AUTOMATIC) == overtaken
        assert relay.orders == []
        opened = decide(console, "沪B8K220", Verdict.ALLOW, DecisionReason.PERMITTED, "entry")
        assert ask(opened, OpeningCause.AUTOMATIC) == (OpeningState.DONE, WithheldReason.NONE)
        for cause in (OpeningCause.AUTOMATIC, OpeningCause.ANSWER):
            assert ask(opened, cause) == overtaken
        question = decide(console, "沪B8K221", lane="entry")
        assert ask(question, OpeningCause.AUTOMATIC) == overtaken, "whatever the order says"
        assert len(relay.orders) == 1
        assert [state for _, state, *_ in openings(database)] == ["withheld", "done", *3 * ["withheld"]]


@pytest.mark.errors_expected
@ONLY_SQLITE
def test_a_code_lets_in_one_visitor_once_though_many_guards_type_it(database: Database, tmp_path: Path) -> None:
    with http_relay(behaviour=status(404)) as relay, guarded(database, tmp_path, relay) as console:
        permit = add_permit(console, "京N7X8P2", kind=PermitKind.VISITOR, holder="Anna")
        form = {"do": "visitor", "code": permit.code}

        def press(number: int) -> str:
            with as_somebody(console, Principal(f"guard{number}", Role.GUARD)) as client:
                return str(client.post("/lanes/entry", data=form, headers=JSON).json()["text"])

        assert press(0).startswith("The barrier did not open")
        relay.behaviour = None
        wait_until(lambda: not console.backend.barriers.states()[0].busy)
        whole = PermitReader.by_code
        together = Barrier(4)

        def at_once(self: PermitReader, code: str) -> PermitRow | None:
            found = whole(self, code)
            together.wait(60)
            return found

        with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(4) as pool:
            patch.setattr(PermitReader, "by_code", at_once)
            said = list(pool.map(press, range(4)))
        assert sorted(said) == ["The barrier opens.", *3 * ["This code is not valid here now."]]
        assert len(relay.orders) == 2


@ONLY_SQLITE
def test_a_disk_that_is_full_keeps_no_person_from_opening(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageFailed("The disk is full.")

    with http_relay() as relay, guarded(database, tmp_path, relay) as console:
        monkeypatch.setattr(AuditLog, "add", full)
        form = {"do": "open", "reason": "delivery"}
        told = httpx.post(f"{console.url}/lanes/entry", data=form, headers=JSON, timeout=60).json()
        assert told["text"] == "The barrier opens."
        assert relay.orders == ["GET /open"]
        assert openings(database) == [("by_hand", "done", "", "local", "delivery")]
