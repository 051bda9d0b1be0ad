"""Takes up what the last run left behind; the first thing after a start."""

import logging

from streamwatch.app.wiring import local_stands_in
from streamwatch.config.settings import Settings
from streamwatch.core.clock import Clock
from streamwatch.core.codes import StateReason
from streamwatch.core.errors import StorageFailed, StoreError
from streamwatch.core.events import PlatesRead
from streamwatch.core.text import some
from streamwatch.pipeline import Pipeline
from streamwatch.pipeline.outbox import EntryState
from streamwatch.store import KeyframeState, Store, UnsavedAnswer, WaitingKeyframe

log = logging.getLogger(__name__)


def resume(settings: Settings, store: Store, pipeline: Pipeline, clock: Clock) -> None:
    """Take in answers that were paid for, and put what waits back into the outbox. What is doubtful is not paid again.

    Raise StoreError.
    """
    recovery = store.keyframes.recover()
    if recovery.unusable:
        number = some(len(recovery.unusable), "picture")
        log.error("the service's answer to %s cannot be used as a reading; it was paid for and is set aside", number)
    store.passages.finish_interrupted()
    taken_in = sum(_take_in(answer, store, pipeline) for answer in recovery.answered)
    to_read = [(item, False) for item in store.keyframes.waiting()] + _doubtful(settings, store)
    pipeline.recorder.resume(item.passage for item, _ in to_read)
    for item, only_local in to_read:
        state = EntryState.LOCAL_ONLY if only_local else EntryState.FRESH
        pipeline.drop(pipeline.dispatcher.add(item, state, _since(item, clock)))
    pipeline.recorder.settle_rest(store.passages.pending())
    if to_read or taken_in:
        log.info("taken up from the last run: %s to read, %s", some(len(to_read), "picture"), some(taken_in, "answer"))


def _take_in(answer: UnsavedAnswer, store: Store, pipeline: Pipeline) -> bool:
    """Record an answer that was paid for. Return False if no start can ever record it, so that it is set aside."""
    try:
        keyframe = store.keyframes.load_keyframe(answer.keyframe)
        pipeline.recorder.resume([keyframe.passage])
        pipeline.take(PlatesRead(keyframe, answer.engine, answer.plates, answer.call))
    except StorageFailed:
        raise
    except StoreError as error:
        log.error("a paid answer cannot be recorded and is set aside: %s", error)
    except Exception as error:
        # An unforeseen error would otherwise end this start and each later one.
        log.critical("a paid answer cannot be recorded and is set aside", exc_info=error)
    else:
        return True
    pipeline.recorder.forget()
    store.keyframes.set_state(answer.keyframe, KeyframeState.FAILED, StateReason.ANSWER_NOT_ENTERED)
    return False


def _doubtful(settings: Settings, store: Store) -> list[tuple[WaitingKeyframe, bool]]:
    """Return keyframes whose call may have been charged, each with True if only the local engine may read it."""
    doubtful = store.keyframes.waiting(KeyframeState.DOUBTFUL)
    if settings.calls.resend_doubtful:
        return [(item, False) for item in doubtful]
    readable = [(item, True) for item in doubtful if local_stands_in(settings.of(item.camera))]
    if lost := len(doubtful) - len(readable):
        log.error(
            "%s may have been paid for without an answer and will not be sent again; "
            "set calls.resend_doubtful to pay anew, or let the local engine read (recognizer.fallback).",
            some(lost, "picture"),
        )
    return readable


def _since(item: WaitingKeyframe, clock: Clock) -> float:
    """Return the monotonic time since which a keyframe waits, as far as the wall clock can be believed."""
    age = (clock.now() - item.captured_at).total_seconds() if clock.plausible else 0.0
    return clock.monotonic() - max(0.0, age)
