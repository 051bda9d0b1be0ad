"""Which engine the settings choose, and how the local one helps it."""

import numpy as np
import pytest
from pydantic import SecretStr

from streamwatch.app import wiring
from streamwatch.config.settings import (
    CameraSettings,
    GateSettings,
    OcrCarsSettings,
    Reads,
    RecognizerSettings,
    Settings,
    SightingSettings,
)
from streamwatch.core.errors import EngineMissing
from streamwatch.core.model import Engine
from streamwatch.recognition.local import text_detector
from streamwatch.recognition.local.networks import open_network
from streamwatch.replay.explain import Answers
from streamwatch.replay.replay_wiring import used_by


def settings(engine: Reads, **more: object) -> Settings:
    ocrcars = OcrCarsSettings(appcode=SecretStr("invented0appcode"))
    return Settings(recognizer=RecognizerSettings.model_validate({"engine": engine, "ocrcars": ocrcars, **more}))


def without_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "local_is_installed", lambda: False)


def test_local_first_pays_the_service_and_asks_the_local_engine_first() -> None:
    chosen = settings(Reads.LOCAL_FIRST)
    recognizer = wiring.make_recognizer(chosen, lambda _: True)
    recognizer.close()
    help_ = wiring.make_local_help(chosen)
    assert recognizer.engine is Engine.OCRCARS
    assert (help_.first, help_.stands_in, help_.pay_below) == (True, True, 0.95)


def test_the_local_engine_is_loaded_once() -> None:
    engine = wiring.make_local_help(settings(Reads.LOCAL_FIRST)).engine
    first = engine()
    assert first is not None
    assert first is engine()


def test_letters_are_looked_for_only_where_a_vehicle_without_a_plate_is_to_be_paid_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[tuple[str, int]] = []

    def opens(part: str, threads: int) -> object:
        opened.append((part, threads))
        return open_network(part, threads)

    monkeypatch.setattr(text_detector, "open_network", opens)
    default = settings(Reads.OCRCARS, local={"threads": 2})
    wanted = default.model_copy(update={"gate": GateSettings(pay_without_plate=True)})
    assert wiring.letter_finder(default) is None
    assert opened == []
    sees_letters = wiring.letter_finder(wanted)
    assert opened == [("det", 2)], "with the threads of the local engine"
    assert sees_letters is not None
    assert not sees_letters(np.full((240, 320, 3), 100, np.uint8))
    without_local(monkeypatch)
    assert wiring.letter_finder(wanted) is None


def test_the_gate_finds_plates_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    without_local(monkeypatch)
    assert wiring.plate_finder()(np.full((240, 320), 100, np.uint8)) == []


def test_local_first_without_the_extra_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    without_local(monkeypatch)
    with pytest.raises(EngineMissing, match=r"local-first.*pip install .*\[local\]"):
        wiring.make_recognizer(settings(Reads.LOCAL_FIRST), lambda _: True)


def test_without_the_extra_ocrcars_works_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    without_local(monkeypatch)
    chosen = settings(Reads.OCRCARS)
    wiring.make_recognizer(chosen, lambda _: True).close()
    assert wiring.make_local_help(chosen).engine() is None
    assert not wiring.local_stands_in(chosen)


def test_fallback_none_keeps_the_local_engine_out() -> None:
    chosen = settings(Reads.OCRCARS, fallback="none")
    assert not wiring.make_local_help(chosen).stands_in
    assert not wiring.local_stands_in(chosen)


@pytest.mark.parametrize(("engine", "settled"), [(Reads.OCRCARS, 0.85), (Reads.LOCAL_FIRST, 0.85), (Reads.LOCAL, 0.95)])
def test_where_the_local_engine_would_have_paid_its_reading_is_no_sighting(engine: Reads, settled: float) -> None:
    assert wiring.floors(settings(engine)) == {Engine.OCRCARS: 0.85, Engine.LOCAL: 0.95}
    assert wiring.settled_from(settings(engine)) == settled
    chosen = settings(engine).model_copy(update={"cameras": {"gate": CameraSettings(source="sample")}})
    told = used_by(chosen, "gate", [], Answers.LOCAL, dry=False)
    by = "recognizer.pay_below" if engine is Reads.LOCAL else "sightings.min_confidence"
    assert (told.min_confidence, told.settled_by) == (settled, by)


def test_whoever_asks_for_surer_sightings_gets_them_from_both_engines() -> None:
    strict = settings(Reads.OCRCARS).model_copy(update={"sightings": SightingSettings(min_confidence=0.97)})
    assert wiring.floors(strict) == {Engine.OCRCARS: 0.97, Engine.LOCAL: 0.97}


def test_a_camera_of_its_own_mind_is_replayed_and_explained_with_its_settings() -> None:
    own = CameraSettings.model_validate(
        {"source": "sample", "gate": {"max_calls": 1}, "recognizer": {"pay_below": 0.9}}
    )
    chosen = settings(Reads.LOCAL).model_copy(update={"cameras": {"a": own, "b": CameraSettings(source="sample")}})
    told = [used_by(chosen.of(name), name, [], Answers.LOCAL, dry=True) for name in ("a", "b")]
    assert [(one.max_calls, one.min_confidence) for one in told] == [(1, 0.9), (3, 0.95)]
    assert told[0].place_of("gate.max_calls") == "cameras.a.gate.max_calls"
    assert told[0].place_of("gate.threshold") == told[1].place_of("gate.threshold") == "gate.threshold"
    assert told[0].place_of(told[0].settled_by) == "cameras.a.recognizer.pay_below"
