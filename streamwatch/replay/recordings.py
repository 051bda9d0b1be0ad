"""The verb `replay`: plays recordings through the pipeline, and tells afterwards what happened."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TextIO

from streamwatch.app.wiring import make_dispatcher, make_intake, make_local_help, make_recorder, settled_from
from streamwatch.config.settings import Settings
from streamwatch.core.clock import SystemClock
from streamwatch.core.events import Event
from streamwatch.core.model import Sighting
from streamwatch.core.plates import grammar
from streamwatch.core.text import some
from streamwatch.pipeline import DirectAccess, Dispatcher, Engines, Intake, Pipeline, ignore
from streamwatch.replay.cached_recognizer import CachedRecognizer
from streamwatch.replay.dry_run import scratch_store
from streamwatch.replay.explain import Answers, Trace, page_of, page_place, print_account
from streamwatch.replay.replay import Playback, Progress, Replay, summary
from streamwatch.replay.replay_wiring import make_replay_reader, used_by
from streamwatch.store import Store

log = logging.getLogger("streamwatch")


def play(
    settings: Settings,
    camera: str,
    videos: Sequence[Path],
    begins: datetime | None,
    *,
    explain: Path | None,
    dry_run: bool,
    writer: Callable[[Settings], AbstractContextManager[Store]],
    progress: Progress,
    notify: Callable[[Sighting, bool], None],
    out: TextIO,
) -> None:
    """Play a camera's recordings. begins: time of the first picture, if it is known.

    explain: where to write the page that shows why calls were made. dry_run: pay and store nothing, and print to `out`
    which calls would have been made. writer: opens the database as its only writer. notify: gets each sighting.
    Raise StreamwatchError.
    """
    settings = settings.of(camera)
    recognizer, answers = make_replay_reader(settings, dry_run)
    intake = make_intake(settings, camera)
    trace = _trace(settings, intake, explain is not None, answers) if explain is not None or dry_run else None
    opened = scratch_store() if dry_run else writer(settings)
    with page_place(explain) as page, closing(recognizer), opened as store:
        store.events.mute()  # a recording is no news
        cached = CachedRecognizer(recognizer, partial(store.calls.answer_to, camera))
        reader = cached if answers is Answers.SERVICE else recognizer
        clock, recorder = SystemClock(), make_recorder(lambda: settings, store, notify)

        engines = Engines(reader, make_local_help(settings))

        def dispatcher(take: Callable[[Event], None]) -> Dispatcher:
            return make_dispatcher(settings, store, lambda _: engines, clock, DirectAccess(store, take))

        pipeline = Pipeline(recorder, dispatcher, ignore if trace is None else trace.happened)
        # The page tells of every frame, so the gate sees every frame.
        max_blind = None if explain is not None else settings.of(camera).attention.longest_blindness
        playback = Playback(camera, max_blind, settings.cameras[camera].rotate)
        looked = None if trace is None else trace.looked
        Replay(playback, intake, pipeline, clock, store.passages.last_views, looked).run(videos, begins, progress)
        log.info("%s", summary(recorder.counters, camera))
        if cached.spared:
            log.info("not paid for again: %s whose answer is in the ledger", some(cached.spared, "picture"))
        if trace is not None:
            trace.finish(store.passages.result)
            used = used_by(settings, camera, videos, answers, dry_run)
            if page is not None:
                page.write(page_of(trace, used))
    if trace is not None and dry_run:
        print_account(trace, used, out)


def _trace(settings: Settings, intake: Intake, pictures: bool, answers: Answers) -> Trace:
    return Trace(
        min_confidence=settled_from(settings),
        grammar=grammar(settings.plates.grammar),
        pictures=pictures,
        frame_of=intake.frame_of,
        assumed=answers is Answers.ASSUMED,
    )
