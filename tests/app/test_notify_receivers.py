"""The people of the config as receivers: their wishes, and yesterday's figures."""

from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from records import Database, passage

from streamwatch.app.notify_receivers import concerns_people, make_notifier, try_people, yesterday
from streamwatch.config.notify_settings import NotifySettings
from streamwatch.core.codes import EventType, NoticeKind
from streamwatch.core.errors import ConfigError
from streamwatch.outward.webhook import EventPicture, no_picture
from streamwatch.store import EventRow, open_reader, open_store

TODAY = datetime(2026, 11, 28, 9, 0).astimezone()


def settings(**more: object) -> NotifySettings:
    return NotifySettings.model_validate({"addresses": ["json://127.0.0.1:9/a", "json://127.0.0.1:9/b"], **more})


def test_yesterdays_figures(database: Database, tmp_path: Path) -> None:
    with closing(open_store(database.url, tmp_path / "data", sole=True)) as store:
        for hours in (1, 10, 34, 35):  # before now: today, yesterday, the day before
            store.passages.save(passage(at=TODAY - timedelta(hours=hours)))
        with closing(open_reader(database.url, tmp_path / "data")) as reader:
            figures = yesterday(reader, True, lambda: TODAY)()
            assert figures is not None
            assert figures.day == date(2026, 11, 27)
            assert figures.numbers == {
                "vehicles": 1,
                "read": 0,
                "calls": 0,
                "allowed": 0,
                "asked": 0,
                "denied": 0,
                "inside": 0,
            }
            without = yesterday(reader, False, lambda: TODAY)()
            assert without is not None
            assert without.numbers.keys() == {"vehicles", "read", "calls"}


def test_the_wishes_of_the_config(database: Database, tmp_path: Path) -> None:
    with (
        closing(open_store(database.url, tmp_path / "data", sole=True)),
        closing(open_reader(database.url, tmp_path / "data")) as reader,
    ):
        quiet = {"begin": "22:00", "end": "06:30"}
        wanted = settings(kinds=["disk"], cameras=["a"], quiet=quiet, urgent=["disk"], digest="08:00", cool_down="1m")
        notifier = make_notifier("guard", wanted, reader, no_picture, has_lanes=False)
        assert len(notifier.posts) == 2
        assert notifier.wishes.kinds == notifier.wishes.urgent == {NoticeKind.DISK}
        assert notifier.wishes.quiet == (time(22), time(6, 30))
        assert notifier.wishes.cool_down == timedelta(minutes=1)
        assert notifier.digest == time(8)


def test_a_picture_is_attached_only_if_it_is_wanted(database: Database, tmp_path: Path) -> None:
    event = EventRow(1, "k", EventType.DECISION, "", None, TODAY, TODAY, {})
    with (
        closing(open_store(database.url, tmp_path / "data", sole=True)),
        closing(open_reader(database.url, tmp_path / "data")) as reader,
    ):
        for wanted, jpeg in ((True, b"jpeg"), (False, None)):
            notifier = make_notifier(
                "guard", settings(picture=wanted), reader, lambda _: EventPicture(b"jpeg"), has_lanes=True
            )
            assert notifier.picture(event) == jpeg
    assert concerns_people(event)
    assert not concerns_people(replace(event, type=EventType.SIGHTING))


def test_check_names_an_address_that_is_wrong() -> None:
    assert "nothing was sent" in try_people("guard", settings())
    with pytest.raises(ConfigError, match=r"Address 2 of outward\.notify\.guard"):
        try_people("guard", settings(addresses=["json://127.0.0.1", "nonsense://secret"]))
