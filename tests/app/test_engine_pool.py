"""Which engine reads for which camera, and what a reload changes in that."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from streamwatch.app import wiring
from streamwatch.app.engine_pool import ANY, EnginePool
from streamwatch.config.settings import Settings
from streamwatch.core.errors import ConfigError, EngineMissing
from streamwatch.core.model import Engine

KEY = {"appcode": SecretStr("invented0appcode")}


def settings(common: dict[str, Any] | None = None, **own: dict[str, Any]) -> Settings:
    cameras = {name: {"source": "sample", **sections} for name, sections in own.items()}
    return Settings.model_validate({**(common or {}), "cameras": cameras})


def engine(name: str, **more: object) -> dict[str, Any]:
    return {"recognizer": {"engine": name, **more}}


PAID = engine("ocrcars", ocrcars=KEY)
LOCAL = engine("local")


@contextmanager
def pool_of(chosen: Settings) -> Iterator[EnginePool]:
    pool = EnginePool(chosen, lambda _: True)
    try:
        yield pool
    finally:
        pool.close()


def test_one_camera_pays_while_another_one_reads_locally() -> None:
    with pool_of(settings(PAID, entry={}, exit=LOCAL)) as pool:
        assert (pool.of("entry").paid, pool.of("exit").paid, pool.pays) == (True, False, True)
        assert pool.of("exit").recognizer is pool.of("entry").local.engine(), "the networks are loaded once"
        assert pool.of("of yesterday").recognizer is pool.of("entry").recognizer


def test_credentials_are_needed_only_if_a_camera_pays() -> None:
    with pytest.raises(ConfigError, match="needs credentials"):
        EnginePool(settings(engine("local"), entry=engine("ocrcars"), exit={}), lambda _: True)
    with pool_of(settings(engine("ocrcars"), entry=LOCAL, exit=LOCAL)) as pool:
        assert not pool.pays
        assert pool.of(ANY).recognizer.engine is Engine.LOCAL


def test_each_camera_has_its_own_floor_fallback_and_grammar() -> None:
    chosen = settings(
        PAID,
        entry=engine("local-first", pay_below=0.99),
        exit={"recognizer": {"fallback": "none"}, "plates": {"grammar": "hk"}},
        side={},
    )
    with pool_of(chosen) as pool:
        entry, exit_, side = (pool.of(name).local for name in ("entry", "exit", "side"))
        assert (entry.first, entry.pay_below, entry.stands_in) == (True, 0.99, True)
        assert (exit_.first, exit_.pay_below, exit_.stands_in) == (False, 0.95, False)
        assert entry.engine() is side.engine() is not exit_.engine()
        assert exit_.grammar.plausible("AB1234") is not None
        assert entry.grammar.plausible("AB1234") is None
    assert wiring.acceptance(chosen, "entry").floors[Engine.LOCAL] == 0.99
    assert wiring.acceptance(chosen, "side").floors[Engine.LOCAL] == 0.95
    assert wiring.settled_from(settings(PAID, exit=LOCAL).of("exit")) == 0.95


def test_a_reload_keeps_what_did_not_change() -> None:
    with pool_of(settings(PAID, entry={}, exit=LOCAL)) as pool:
        paid, local = pool.of("entry").recognizer, pool.of("exit").recognizer
        pool.replace(settings(PAID, exit={}, back=LOCAL))
        assert pool.of("exit").recognizer is paid
        assert pool.of("back").recognizer is local
        other = engine("ocrcars", ocrcars={"appcode": SecretStr("another0appcode")})
        pool.replace(settings(other, exit={}))
        assert pool.of("exit").recognizer is not paid
        pool.replace(settings(PAID, exit={}))
        assert pool.of("exit").recognizer is paid


def test_settings_that_cannot_work_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pool_of(settings(LOCAL, entry={})) as pool:
        before = pool.of("entry")
        with pytest.raises(ConfigError, match="needs credentials"):
            pool.replace(settings(LOCAL, entry=engine("ocrcars")))
        monkeypatch.setattr(wiring, "local_is_installed", lambda: False)
        with pytest.raises(EngineMissing):
            pool.replace(settings(PAID, entry=engine("local-first")))
        assert pool.of("entry") is before
