"""Supervised cameras for the tests, with real reader threads."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from streamwatch.capture import LiveCamera, ReopenTimes, Source
from streamwatch.core.clock import Clock, SystemClock

Make = Callable[..., LiveCamera]


@contextmanager
def closed_in_the_end() -> Iterator[Make]:
    """Yield a function that makes cameras. At the end they are closed, and every reader must have ended."""
    cameras: list[LiveCamera] = []
    threads: list[threading.Thread] = []

    def spawn(target: Callable[[], None], name: str) -> None:
        threads.append(threading.Thread(target=target, name=name, daemon=True))
        threads[-1].start()

    def one(
        open: Callable[[], Source],
        *,
        name: str = "gate",
        deadline: float = 0.5,
        clock: Clock | None = None,
        reopen: tuple[float, float] = (0.02, 0.1),
        frozen_after: float = 120,
        max_blind: float | None = None,
        rough: bool = False,
    ) -> LiveCamera:
        cameras.append(
            LiveCamera(
                name,
                open,
                times=ReopenTimes(deadline, *reopen, frozen_after),
                clock=clock or SystemClock(),
                spawn=spawn,
                max_blind=max_blind,
                rough=rough,
            )
        )
        return cameras[-1]

    yield one
    for camera in cameras:
        camera.close()
    for thread in threads:
        thread.join(10)
    assert not [thread.name for thread in threads if thread.is_alive()]
