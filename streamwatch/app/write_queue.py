"""The one thread that writes the database, and the queue of what other threads have it do."""

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from streamwatch.app.persistence import Persistence
from streamwatch.core.clock import Clock
from streamwatch.core.errors import StorageFailed
from streamwatch.pipeline import Channel
from streamwatch.store import Store
from streamwatch.system.heartbeat import Heartbeats

QUEUED = 1000  # tasks that may wait for the database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Task:
    """A call for the writer's thread. vital: an error in it ends that thread, so that nothing is written after it."""

    call: Callable[[], Any]
    vital: bool
    done: Future[Any] = field(default_factory=Future)


class WriteQueue:
    """Does the tasks of its queue one after the other, in the thread that calls `run`.

    A thread that waits for the writer rests: the writer's own heartbeat says if it hangs, and a database that is away
    for hours makes the writer wait, but must not look like a program that hangs.
    """

    def __init__(self, store: Store, clock: Clock, persistence: Persistence, heartbeats: Heartbeats) -> None:
        self._store, self._clock, self._persistence = store, clock, persistence
        self._heartbeats = heartbeats
        self._tasks: Channel[_Task] = Channel(QUEUED)
        self._runs = False

    def put(self, call: Callable[[], None]) -> None:
        """Queue a vital call, and wait while the queue is full. Raise ChannelClosed when the program is stopping."""
        with self._heartbeats.resting():
            self._tasks.put(_Task(call, vital=True))

    def ask_vital(self, call: Callable[[], None]) -> None:
        """Queue a vital call and wait until it is done. Raise ChannelClosed, and what the call raises."""
        self._do(_Task(call, vital=True))

    def ask(self, call: Callable[[], T]) -> T:
        """Have a question to the store asked between two events, and return the answer. It is asked again while the
        machine is at fault.

        Raise ChannelClosed, which ends the calling thread quietly when the program is stopping, and what the call
        raises.
        """
        result: T = self._do(_Task(partial(self.persist, call), vital=False))
        return result

    def ask_once(self, call: Callable[[], T], seconds: float, patient: bool = True) -> T:
        """Have a call done between two events, once, and return what it returns. Raise what it raises.

        Raise StorageFailed if that has not begun after so many seconds, because the machine is at fault or the program
        is stopping; then it is not done. patient: False: raise it also if the call has begun and has not ended; then it
        may still be done.
        """
        task = _Task(partial(self._attempt, call), vital=False)
        if self._tasks.offer(task):
            try:
                done: T = task.done.result(seconds)
            except FutureTimeout:
                if not task.done.cancel() and patient:  # it has begun
                    done = task.done.result()
                    return done  # noqa: RET504
            else:
                return done
        raise StorageFailed("Nothing can be written now.", "Try again in a minute; `streamwatch status` says more.")

    def offer(self, call: Callable[[], None]) -> Future[None] | None:
        """Queue a call as `ask` does, without waiting. Return None if the queue is full or closed."""
        task = _Task(partial(self.persist, call), vital=False)
        return task.done if self._tasks.offer(task) else None

    def run(self) -> None:
        """Do the tasks until the queue is closed and empty; then raise ChannelClosed. Raise what a vital task raises.

        From now on, a call that fails because the machine is at fault is tried again.
        """
        self._runs = True
        self._store.persist = self.persist
        while True:
            with self._heartbeats.resting():
                task = self._tasks.get()
            if not task.done.set_running_or_notify_cancel():
                continue
            try:
                task.done.set_result(task.call())
            except BaseException as error:
                task.done.set_exception(error)
                if task.vital:
                    raise

    def persist(self, attempt: Callable[[], T]) -> T:
        """Return what `attempt` returns. Raise StorageFailed before `run` and at the end, when nothing is tried again.

        Call it in the writer's thread, or before `run` in the thread that starts it.
        """
        return self._persistence.persist(partial(self._attempt, attempt)) if self._runs else attempt()

    def close(self) -> None:
        """Take no task any more; what is queued is still done."""
        self._tasks.close()

    def abandon(self) -> None:
        """Take no task any more, and fail those that are queued."""
        self._tasks.close()
        for task in self._tasks.take_all():
            task.done.set_exception(StorageFailed("The program is stopping because of an error."))

    def _do(self, task: _Task) -> Any:
        """Queue a task and wait until it is done; return what its call returns."""
        with self._heartbeats.resting():
            self._tasks.put(task)
            return task.done.result()

    def _attempt(self, attempt: Callable[[], T]) -> T:
        self._store.clock_trusted = self._clock.trusted
        return attempt()
