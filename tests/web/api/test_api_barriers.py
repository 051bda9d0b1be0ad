"""Barriers by the API: who may open what, and what the status says of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from consoles import DrawnConsole, console_over
from records import SqliteDatabase
from relays import Relay, http_relay, status, wait_until
from sites import FIRE, Site, lane, relayed, site

from streamwatch.core.codes import OpeningCause, Role
from streamwatch.system.kill_switch import KILL_FILE
from streamwatch.web.accounts.entrance import hash_of


@contextmanager
def opened(tmp_path: Path, **config: Any) -> Iterator[tuple[DrawnConsole, Site, Relay]]:
    """Serve a console over a site with two barriers at one relay."""
    database = SqliteDatabase(tmp_path / "streamwatch.db")
    with http_relay() as relay:
        barriers = {"front": relayed(relay), "back": relayed(relay)}
        lanes = {"entry": lane(), "exit": lane(cameras=["back"], barrier="back", way="out")}
        with (
            site(database, tmp_path, {}, barriers=barriers, lanes=lanes, **config) as gate,
            console_over(database.url, tmp_path, []) as console,
        ):
            console.backend.settings, console.backend.barriers = gate.settings, gate.barriers
            yield console, gate, relay


def token(console: DrawnConsole, role: Role, cameras: frozenset[str] | None = None) -> dict[str, str]:
    from datetime import UTC, datetime

    secret = f"token-of-{role}-{cameras and sorted(cameras)}"
    console.store.accounts.add_token(secret[:60], role, cameras, hash_of(secret), "tests", datetime.now(UTC), None)
    return {"Authorization": f"Bearer {secret}"}


def ask(console: DrawnConsole, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
    return httpx.request(method, f"{console.url}/api/v1{path}", json=body, timeout=60, **more)


def test_a_barrier_opens_for_a_reason_and_the_audit_log_has_who(tmp_path: Path) -> None:
    with opened(tmp_path) as (console, gate, relay):
        answer = ask(console, "POST", "/barriers/front/open", {"reason": FIRE})
        assert (answer.status_code, answer.json()["state"]) == (200, "done")
        assert len(relay.orders) == 1
        assert gate.rows() == [("by_hand", "done", "")]
        entry = console.reader.audit.entries(1)[0]
        assert (entry.action, entry.object, entry.detail) == (
            "opened_by_hand",
            "front",
            {"reason": FIRE, "state": "done"},
        )
        for wrong in ({}, {"reason": ""}, {"reason": " "}, {"reason": "x" * 201}):
            assert ask(console, "POST", "/barriers/front/open", wrong).status_code == 422
        assert ask(console, "POST", "/barriers/none/open", {"reason": FIRE}).status_code == 404
        assert len(relay.orders) == 1


@pytest.mark.errors_expected
def test_only_200_means_that_it_opens(tmp_path: Path) -> None:
    with opened(tmp_path) as (console, gate, relay):
        relay.behaviour = status(404)
        answer = ask(console, "POST", "/barriers/front/open", {"reason": FIRE})
        assert answer.status_code == 502
        assert answer.json()["detail"] == (
            "The barrier did not open: 127.0.0.1 answered with status 404. Check the address."
        )
        relay.behaviour = status(500)
        wait_until(lambda: not gate.state().busy)
        assert ask(console, "POST", "/barriers/front/open", {"reason": FIRE}).status_code == 504
        (listed, _) = ask(console, "GET", "/barriers").json()["items"]
        assert (listed["name"], listed["lanes"], listed["position"]) == ("front", ["entry"], None)
        assert "status 500" in listed["fault"]
        console.backend.barriers = None
        assert ask(console, "POST", "/barriers/front/open", {"reason": FIRE}).status_code == 409
        assert len(relay.orders) == 2


def test_the_kill_switch_is_turned_on_by_guards_and_off_by_managers(tmp_path: Path) -> None:
    with opened(tmp_path) as (console, gate, relay):
        guard, manager = (token(console, role) for role in (Role.GUARD, Role.MANAGER))
        assert ask(console, "PUT", "/kill-switch", {"on": True}, headers=guard).json() == {"on": True}
        assert (gate.settings.data_dir / KILL_FILE).exists()
        answer = ask(console, "POST", "/barriers/front/open", {"reason": FIRE}, headers=manager)
        assert answer.status_code == 409
        assert "kill switch" in answer.json()["detail"]
        assert ask(console, "PUT", "/kill-switch", {"on": False}, headers=guard).status_code == 403
        assert ask(console, "GET", "/kill-switch", headers=guard).json() == {"on": True}
        assert ask(console, "PUT", "/kill-switch", {"on": False}, headers=manager).json() == {"on": False}
        assert relay.orders == []


def test_who_may_open_what(tmp_path: Path) -> None:
    with opened(tmp_path) as (console, gate, relay):
        viewer, limited, guard, admin = (
            token(console, Role.VIEWER),
            token(console, Role.GUARD, frozenset({"gate"})),
            token(console, Role.GUARD),
            token(console, Role.ADMIN),
        )

        def tried(name: str, what: str, headers: dict[str, str]) -> int:
            wait_until(lambda: not gate.state(name).busy)
            return ask(console, "POST", f"/barriers/{name}/{what}", {"reason": FIRE}, headers=headers).status_code

        assert tried("front", "open", viewer) == 403
        assert tried("back", "open", limited) == 404
        assert tried("front", "test", guard) == 403
        assert relay.orders == []
        assert tried("front", "open", limited) == 200
        assert tried("back", "test", admin) == 200
        assert [cause for cause, _, _ in gate.rows()] == [OpeningCause.BY_HAND, OpeningCause.TEST]
        assert [one["name"] for one in ask(console, "GET", "/barriers", headers=limited).json()["items"]] == ["front"]
