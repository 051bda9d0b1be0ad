"""The page of the receivers, its API and the verb: how each is, a test, and sending again."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from browser import DESK, PHONE, Shoot, Visitor, findings, too_wide
from consoles import DrawnConsole
from people import add_user, browser, logged_in
from records import ONLY_SQLITE

from streamwatch.app.outward import Tried
from streamwatch.config.outward_settings import OutwardSettings
from streamwatch.core.codes import AuditAction, EventType, ReceiverState, Role
from streamwatch.core.event_data import TrialData
from streamwatch.store import ReceiverRow

pytestmark = ONLY_SQLITE
SETTINGS = OutwardSettings.model_validate(
    {
        "webhooks": {
            "office": {"url": "https://office.example/hook?key=invented-secret"},
            "parkpow": {"url": "https://parkpow.example/x"},
            "new": {"url": "https://new.example/x"},
        }
    }
)


class Sends:
    """The daemon's receivers, of which a page needs a test and a sign to look."""

    def __init__(self) -> None:
        self.tested: list[tuple[str, str]] = []
        self.woken = 0

    def test(self, name: str, who: str) -> Tried:
        self.tested.append((name, who))
        return Tried(name == "office", "office.example:443 has taken it (200)." if name == "office" else "answers 401.")

    def wake(self) -> None:
        self.woken += 1


@pytest.fixture
def sends(console: DrawnConsole) -> Sends:
    now = datetime.now(UTC)
    console.backend.settings = console.backend.settings.model_copy(update={"outward": SETTINGS})
    sent = console.backend.outward = Sends()
    events = console.store.events
    events.set_receivers(["office", "parkpow"])
    for n in range(4):
        events.add(EventType.TEST, f"京A1234{n}", TrialData("x", ""), None, now)
    for event in console.reader.events.after(0, 3):
        events.give_up("parkpow", event.id, "parkpow.example:443 answers 422: <b>no</b>", now)
    failing = now - timedelta(hours=3)
    events.save_receiver(
        ReceiverRow(
            "parkpow", 3, ReceiverState.PAUSED, 9, failing, now + timedelta(minutes=5), "answers 401. Check its token."
        )
    )
    return sent


def test_the_page_says_how_each_receiver_is(console: DrawnConsole, sends: Sends) -> None:
    with browser(console) as client:
        text = client.get("/outward").text
    for words in ("office.example:443", "takes events", "paused, tried now and then", "answers 401", "not started yet"):
        assert words in text
    assert "&lt;b&gt;no&lt;/b&gt;" in text
    assert "invented-secret" not in text
    assert 'href="/outward"' in text.split("<main")[0]  # in the navigation


def test_a_test_shows_what_the_receiver_said_and_is_in_the_audit_log(console: DrawnConsole, sends: Sends) -> None:
    with browser(console) as client:
        good = client.post("/outward", data={"do": "test", "name": "office"})
        bad = client.post("/outward", data={"do": "test", "name": "parkpow"})
        assert client.post("/outward", data={"do": "test", "name": "nobody"}).status_code == 404
        assert client.post("/outward", data={"do": "nothing", "name": "office"}).status_code == 400
    assert "has taken it (200)" in good.text
    assert "answers 401." in bad.text
    assert sends.tested == [("office", "local"), ("parkpow", "local")]
    assert len(console.reader.audit.entries(9, action=AuditAction.RECEIVER_TESTED)) == 2


def test_refused_events_are_sent_again_one_or_all(console: DrawnConsole, sends: Sends) -> None:
    letters = console.reader.events.dead_letters(9)
    with browser(console) as client:
        one = client.post("/outward", data={"do": "again", "name": "parkpow", "letter": str(letters[0].id)})
        assert one.status_code == 303
        assert len(console.reader.events.dead_letters(9, again=True)) == 1
        assert "is sent again" in client.get("/outward").text
        client.post("/outward", data={"do": "again", "name": "parkpow"})
        assert len(console.reader.events.dead_letters(9, again=True)) == 3
        client.post("/outward", data={"do": "hurry", "name": "parkpow"})
    row = console.reader.events.receiver("parkpow")
    assert row is not None
    assert row.next_try is None
    assert sends.woken == 3


def test_only_an_admin_sees_receivers_and_a_manager_reads_them(console: DrawnConsole, sends: Sends) -> None:
    add_user(console, "boss")
    add_user(console, "clerk", Role.MANAGER)
    with logged_in(console, "clerk") as client:
        assert client.get("/outward").status_code == 403
        told = client.get("/api/v1/receivers").json()
        assert client.post("/api/v1/receivers/office/test").status_code == 403
    assert [(one["name"], one["state"], one["dead"]) for one in told] == [
        ("office", "ok", 0),
        ("parkpow", "paused", 3),
        ("new", None, 0),
    ]
    assert "invented-secret" not in json.dumps(told)
    with logged_in(console, "boss") as client:
        headers = {"Accept": "application/json"}
        assert client.post("/api/v1/receivers/office/test", headers=headers).json() == {
            "ok": True,
            "said": "office.example:443 has taken it (200).",
        }
        assert client.post("/api/v1/receivers/parkpow/resend", headers=headers).json() == {"events": 3}
        assert client.post("/api/v1/receivers/nobody/test", headers=headers).status_code == 404


def test_without_a_receiver_the_navigation_names_none(console: DrawnConsole) -> None:
    with browser(console) as client:
        assert 'href="/outward"' not in client.get("/").text
        assert "Nobody is told" in client.get("/outward").text


@pytest.mark.parametrize(("size", "language", "dark"), [(DESK, "en", False), (PHONE, "zh-CN", True)])
def test_the_page_is_for_everybody(
    console: DrawnConsole,
    sends: Sends,
    visitor: Visitor,
    shoot: Shoot,
    size: tuple[int, int],
    language: str,
    dark: bool,
) -> None:
    page = visitor.open(console.url + "/outward", size, language=language, dark=dark)
    page.locator("button[value=test]").first.click()
    page.wait_for_load_state()
    assert page.locator("[role=status]").count() == 1
    shoot(page, f"outward-{language}")
    assert not findings(page)
    assert not too_wide(page)
