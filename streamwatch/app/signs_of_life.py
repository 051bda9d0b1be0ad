"""The sign of life that the daemon gives to a service outside, in a thread of its own: it may hang there.

ping   asks the address of `health.ping` from time to time, while all is well
"""

import threading
from collections.abc import Callable

from streamwatch.app.lifecycle import Lifecycle
from streamwatch.config.settings import HealthSettings
from streamwatch.core.codes import CameraState
from streamwatch.health import Snapshot
from streamwatch.health.judgement import AWAY_FOR
from streamwatch.outward.life_sign import LifeSign


def give_signs_of_life(
    settings: HealthSettings,
    snapshot: Callable[[], Snapshot],
    lifecycle: Lifecycle,
    spawn: Callable[[Callable[[], None], str], threading.Thread],
) -> LifeSign | None:
    """Start the thread if the settings name an address; return what ends a request that hangs."""
    if settings.ping is None:
        return None
    sign = LifeSign(settings.ping.get_secret_value(), settings.ping_every, lambda: is_well(snapshot()))
    spawn(lambda: sign.run(lifecycle.wait_until_over), "ping")
    return sign


def is_well(snapshot: Snapshot) -> bool:
    """Return True if the daemon does its work: its threads go on, the database can be written, and a camera is watched.

    A camera that is away is no reason while another one is there: people are told of that otherwise. One that has been
    away for less than a minute counts as watched.
    """
    now = snapshot.taken_at
    watched = any(
        camera.state == CameraState.ONLINE
        or (
            camera.state in (CameraState.CONNECTING, CameraState.RECONNECTING)
            and (now - camera.since).total_seconds() <= AWAY_FOR
        )
        for camera in snapshot.cameras
    )
    return watched and snapshot.database.ok and not snapshot.stalled
