"""What two versions of config.yaml differ in, and what of that can change while the daemon runs."""

from typing import Any

import pytest

from streamwatch.config.differences import changed, is_fixed, with_fixed
from streamwatch.config.loading import keys
from streamwatch.config.settings import Settings


def settings(**sections: Any) -> Settings:
    return Settings.model_validate({"cameras": {"a": {"source": "sample"}}, **sections})


@pytest.mark.parametrize(
    ("sections", "named"),
    [
        ({}, []),
        ({"gate": {"threshold": 9}, "retention": {"rows": "9d"}}, ["gate.threshold", "retention.rows"]),
        ({"recognizer": {"ocrcars": {"appcode": "invented"}}}, ["recognizer.ocrcars.appcode"]),
        ({"health": {"port": 9464}, "database": "sqlite:////x.db"}, ["database", "health.port"]),
        ({"serve_ocr": {"port": 1}}, []),
        (
            {"cameras": {"a": {"source": "sample", "budget": {"day": 1}, "gate": {"max_calls": 3}}}},
            ["cameras.a.budget.day", "cameras.a.gate.max_calls"],
        ),
        ({"cameras": {"a": {"source": "0"}, "b": {"source": "sample"}}}, []),
    ],
)
def test_each_changed_key_is_named(sections: dict[str, Any], named: list[str]) -> None:
    assert changed(settings(), settings(**sections)) == named
    assert changed(settings(**sections), settings()) == named


def test_what_is_fixed_keeps_its_value_and_is_named_again() -> None:
    old = settings(health={"port": 1}, web={"port": 2})
    new = settings(health={"port": 3}, web={"port": 4}, gate={"threshold": 9}, outbox={"max_items": 5})
    both = with_fixed(old, new)
    assert (both.health, both.web.port, both.outbox, both.gate.threshold) == (old.health, 2, old.outbox, 9)
    assert [key for key in changed(both, new) if is_fixed(key)] == ["health.port", "outbox.max_items", "web.port"]


def test_nothing_that_is_fixed_is_misspelt() -> None:
    from streamwatch.config.differences import FIXED, UNUSED

    for place in (*FIXED, *UNUSED):
        assert any(key == place or key.startswith(f"{place}.") for key in keys()), place
