"""What every page finds at `request.app.state.console`."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from streamwatch.app.backend import Backend
from streamwatch.http.server_sent_events import EventFeed
from streamwatch.store import DatabaseReader, PassageRow
from streamwatch.system.kill_switch import KillSwitch
from streamwatch.web.catalogue import Texts
from streamwatch.web.lane_watch import LaneChange, LaneWatch
from streamwatch.web.static_files import StaticFiles
from streamwatch.web.templating import Templates


@dataclass(frozen=True, slots=True)
class Console:
    """The parts that all pages share.

    languages: the texts of each language by its name, such as `zh_Hans`; the first is the source language.
    feed: tells open pages what has changed. watch, lane_feed: the same for lanes.
    kill_switch: that of all barriers, also without a daemon.
    """

    backend: Backend
    reader: DatabaseReader
    languages: Mapping[str, Texts]
    templates: Templates
    static: StaticFiles
    feed: EventFeed[PassageRow]
    watch: LaneWatch
    lane_feed: EventFeed[LaneChange]
    kill_switch: KillSwitch


def console_of(request: HTTPConnection) -> Console:
    """Return the console that serves a request."""
    console: Console = request.app.state.console
    return console
