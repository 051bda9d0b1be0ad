"""Turns settings into what only a replay needs: the reader of its pictures, and what its page says of the settings."""

from collections.abc import Sequence
from pathlib import Path
from threading import Event

from streamwatch.app.wiring import local_is_installed, make_local, make_recognizer, settled_from
from streamwatch.config.settings import Reads, Settings
from streamwatch.core.model import Recognizer
from streamwatch.replay.dry_run import AssumedRecognizer
from streamwatch.replay.explain import Answers, ReplaySettings


def _settled_by(settings: Settings) -> str:
    """Return the key of the setting that `settled_from` comes from."""
    higher = settled_from(settings) > settings.sightings.min_confidence
    return "recognizer.pay_below" if higher else "sightings.min_confidence"


def make_replay_reader(settings: Settings, dry: bool) -> tuple[Recognizer, Answers]:
    """Return the engine that reads the pictures of a replay, and how its page names it.

    dry: for a dry run, in which nothing is paid for, so that no credentials are needed.

    Raise as `make_recognizer` does.
    """
    paid = settings.recognizer.engine is not Reads.LOCAL
    if not dry:
        return make_recognizer(settings, Event().wait), Answers.SERVICE if paid else Answers.LOCAL
    if not local_is_installed():
        return AssumedRecognizer(), Answers.ASSUMED
    return make_local(settings), Answers.LOCAL_INSTEAD if paid else Answers.LOCAL


def used_by(settings: Settings, camera: str, videos: Sequence[Path], answers: Answers, dry: bool) -> ReplaySettings:
    """Return the settings of a replay as its page explains them."""
    gate, zone = settings.gate, settings.cameras[camera].zone
    return ReplaySettings(
        camera=camera,
        videos=tuple(video.name for video in videos),
        zone=None if zone is None else tuple(zone),
        threshold=gate.threshold,
        min_area=gate.min_area,
        patience=gate.patience,
        close_after=gate.close_after,
        max_calls=gate.max_calls,
        min_confidence=settled_from(settings),
        settled_by=_settled_by(settings),
        price=settings.calls.price,
        answers=answers,
        dry=dry,
        own=frozenset(settings.cameras[camera].own),
    )
