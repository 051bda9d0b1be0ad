"""The cameras: their states and present pictures, one camera with its figures, its zone, and what its gate sees."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from streamwatch.app.live_view import WIDTHS, LiveCameras
from streamwatch.app.read_now import REFUSALS
from streamwatch.config.editing import REMOVE, edit_config
from streamwatch.config.settings import CameraSettings
from streamwatch.core.codes import AuditAction, Role
from streamwatch.core.errors import ConfigError, RecognitionError
from streamwatch.core.model import Engine
from streamwatch.health import CameraHealth, ReloadReport
from streamwatch.http.server_sent_events import EventFeed
from streamwatch.store import PassageCounts
from streamwatch.web.accounts.audit import record
from streamwatch.web.accounts.principal import Principal, principal_of
from streamwatch.web.answers import redirect, render, texts_of, words_of
from streamwatch.web.camera_charts import charts_of
from streamwatch.web.camera_figures import figures_of, latest_sizes, median_width, today_of
from streamwatch.web.camera_states import StateWords, words_of_state
from streamwatch.web.catalogue import N_
from streamwatch.web.context import Console, console_of
from streamwatch.web.gate_events import LiveLook, event_of, revision_of
from streamwatch.web.plate_size import SIZES, PlateSize, plate_size
from streamwatch.web.routing import form_of, page
from streamwatch.web.sentences import CALL_OUTCOMES, ENGINES
from streamwatch.web.templating import Wording
from streamwatch.web.zone import CROSSING, TOO_FEW, zone_of, zone_text

TILE, LIVE = 640, 960
"""Widths of pictures in the list and on a camera's page."""
FRESH = 0.2
"""Seconds for which one picture is shown to all who watch a gate."""
EVERY = 0.25
"""Seconds between two looks of a page at what a gate sees."""
LONGEST_TEXT = 4000
"""Characters of a zone that are read."""
_TOO_LONG = N_("The text of the zone is too long.")
_SAVED = N_("The zone was saved in config.yaml.")
_SETTINGS_SAVED = N_("The settings were saved in config.yaml.")
_UNCHANGED = N_("Nothing was changed.")
_NO_LIMIT = N_("A limit is a whole number from 1 on, or empty; this is not: %(text)s.")
_ANGLES = ("0", "90", "180", "270")
_WINDOWS = ("hour", "day", "month")
_RESTARTED = N_("This camera was restarted; the others go on undisturbed.")
_NOT_IN_EFFECT = N_("It is not in effect, because config.yaml has a problem:")
_NEXT_START = N_("These keys of config.yaml have changed, too, and count only from the next start on: %(keys)s.")
_NO_CAMERAS = N_("This program watches no cameras, so nothing can be changed or read here.")


@dataclass(frozen=True, slots=True)
class CameraCard:
    """One camera for people. path: of its page. health: None if nobody watches it. width: of its plates, median in px.

    counts: the passages of today.
    """

    name: str
    path: str
    state: StateWords
    health: CameraHealth | None
    since: str
    seen: str
    counts: PassageCounts
    width: float | None

    @property
    def size(self) -> PlateSize | None:
        """Return what the width of its plates means; None if none was read."""
        return None if self.width is None else plate_size(self.width)


def cameras(request: Request) -> Response:
    """Show all cameras with their pictures and states."""
    console, now = console_of(request), datetime.now(UTC)
    statistics = console.reader.statistics
    today = today_of(statistics, now)
    health = _health(console)
    cards = []
    for name in console.backend.settings.cameras:
        if _principal(request).sees(name):
            width = median_width(latest_sizes(statistics, name, now))
            cards.append(_card(request, name, health.get(name), today.get(name, PassageCounts()), width))
    return render(
        request,
        "cameras.html",
        cards=cards,
        live=console.backend.live is not None,
        masked=_principal(request).masks_plates,
        tile=TILE,
    )


def camera(request: Request) -> Response:
    """Show one camera."""
    return _show(request)


def picture(request: Request) -> Response:
    """Answer with the present picture of a camera as JPEG. Query: `width`, and `at` for the newest one there is."""
    name, live = _camera(request), _live(request)
    asked = request.query_params.get("width", "")
    width = int(asked) if asked.isdecimal() and int(asked) in WIDTHS else TILE
    if _principal(request).masks_plates:
        raise HTTPException(403)
    found = live.picture(name, width, *((FRESH,) if "at" in request.query_params else ()))
    if found is None:
        raise HTTPException(404)
    return Response(found.jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


def watch(request: Request) -> Response:
    """Tell what the gate of a camera sees, as server-sent events, for as long as somebody listens."""
    name, live = _camera(request), _live(request)
    backend, texts = console_of(request).backend, texts_of(request)
    words = Wording(texts)

    def since(revision: int) -> list[LiveLook]:
        view = live.gate_view(name)
        return [] if view is None or revision_of(view) <= revision else [LiveLook(view)]

    feed: EventFeed[LiveLook] = EventFeed(
        lambda: revision_of(live.gate_view(name)),
        since,
        backend.stopping,
        every=EVERY,
        listeners=console_of(request).feed.listeners,
    )
    return feed.response("0", lambda look: event_of(look, words, texts.gettext), listener=_principal(request).name)


def read(request: Request) -> Response:
    """Have the present picture read, and show the camera with what was read."""
    name, live, _ = _camera(request), _live(request), words_of(request)
    form, principal = form_of(request), _principal(request)
    try:
        engine = Engine(str(form.get("engine", "")))
    except ValueError:
        raise HTTPException(400) from None
    if principal.masks_plates or (engine is Engine.OCRCARS and not principal.role.at_least(Role.MANAGER)):
        raise HTTPException(403)
    record(request, AuditAction.PICTURE_READ, name, engine=engine.value)
    try:
        reading = live.read(name, engine)
    except RecognitionError as error:
        words = (_(error.message), _(error.what_to_do)) if error.message in REFUSALS else (_failure(error, _),)
        return _show(request, reading_error=" ".join(filter(None, words)))
    shown = base64.b64encode(reading.preview).decode()
    plates = [(plate, None if plate.width is None else plate_size(plate.width)) for plate in reading.plates]
    engine_words = _(ENGINES[engine])
    return _show(
        request,
        reading=reading,
        reading_engine=engine_words,
        reading_picture=f"data:image/jpeg;base64,{shown}",
        reading_plates=plates,
    )


def save_zone(request: Request) -> Response:
    """Write the zone of a camera into config.yaml, and have the camera watched anew."""
    name, _ = _camera(request), words_of(request)
    console = console_of(request)
    file = console.backend.config_file
    if file is None:
        raise HTTPException(409, _(_NO_CAMERAS))
    text = str(form_of(request).get("points", ""))
    try:
        if len(text) > LONGEST_TEXT:
            raise ValueError(_(_TOO_LONG))
        points = zone_of(text, _)
    except ValueError as error:
        return _show(request, status=422, zone=text[:LONGEST_TEXT], zone_error=str(error))
    record(request, AuditAction.CAMERA_CHANGED, name, zone=zone_text(points))  # before: no change is without an entry
    try:
        edit_config(file, {("cameras", name, "zone"): [list(point) for point in points] or REMOVE})
    except ConfigError as error:
        return _show(request, status=422, zone=text, zone_error=str(error))
    return redirect(_path(name), " ".join([_(_SAVED), *_outcome(console.backend.reload(), name, _)]))


def save_settings(request: Request) -> Response:
    """Write common settings of a camera into config.yaml, and bring them into effect."""
    name, _ = _camera(request), words_of(request)
    console, form = console_of(request), form_of(request)
    file, before = console.backend.config_file, console.backend.settings.cameras[name]
    if file is None:
        raise HTTPException(409, _(_NO_CAMERAS))
    typed = {key: str(form.get(key, "")).strip()[:20] for key in ("rotate", *_WINDOWS)}
    if typed["rotate"] not in _ANGLES:
        raise HTTPException(400)
    changes: dict[tuple[str, ...], object] = {}
    if int(typed["rotate"]) != before.rotate:
        changes["cameras", name, "rotate"] = int(typed["rotate"])
    for window in _WINDOWS:
        text = typed[window]
        if text and not (text.isascii() and text.isdigit() and int(text) >= 1):
            return _show(request, status=422, typed=typed, settings_error=_(_NO_LIMIT) % {"text": text})
        limit = int(text) if text else None
        if limit != getattr(before.budget, window):
            changes["cameras", name, "budget", window] = REMOVE if limit is None else limit
    if not changes:
        return redirect(_path(name), _(_UNCHANGED))
    record(request, AuditAction.CAMERA_CHANGED, name, **{keys[-1]: typed[keys[-1]] for keys in changes})
    try:
        edit_config(file, changes)
    except ConfigError as error:
        return _show(request, status=422, typed=typed, settings_error=str(error))
    return redirect(_path(name), " ".join([_(_SETTINGS_SAVED), *_outcome(console.backend.reload(), name, _)]))


def _show(request: Request, status: int = 200, zone: str | None = None, **more: Any) -> Response:
    """Return the page of a camera. zone: what somebody has written that could not be saved."""
    name, console, now = _camera(request), console_of(request), datetime.now(UTC)
    settings, live, principal = console.backend.settings, console.backend.live, _principal(request)
    figures = figures_of(console.reader.statistics, name, now)
    health = _health(console).get(name)
    card = _card(request, name, health, figures.today, median_width(figures.sizes))
    saved = settings.cameras[name].zone
    look = None if live is None else live.picture(name, LIVE)
    if principal.masks_plates:
        live = look = None
    engines = () if live is None or not principal.role.at_least(Role.GUARD) else live.engines
    if not principal.role.at_least(Role.MANAGER):
        engines = tuple(engine for engine in engines if engine is not Engine.OCRCARS)
    values = {
        "zone_error": "",
        "settings_error": "",
        "typed": _typed(settings.cameras[name]),
        "reading": None,
        "reading_error": "",
        "reading_picture": "",
        "reading_engine": "",
        "reading_plates": [],
        **more,
    }
    _ = words_of(request)
    return render(
        request,
        "camera.html",
        status=status,
        card=card,
        figures=figures,
        charts=charts_of(figures, Wording(texts_of(request)), _),
        watched=live is not None,
        masked=principal.masks_plates,
        size=(1280, 720) if look is None else look.size,
        has_picture=look is not None,
        picture_width=LIVE,
        zone=zone_text(saved) if zone is None else zone,
        saved_zone=saved or [],
        may_change=console.backend.config_file is not None and principal.role.at_least(Role.ADMIN),
        engines=[engine.value for engine in engines],
        price=settings.calls.price,
        sizes=SIZES,
        zone_words=(_(CROSSING), _(TOO_FEW)),
        **values,
    )


def _outcome(report: ReloadReport, name: str, _: Callable[[str], str]) -> Iterator[str]:
    """Yield sentences about what followed from a change of a camera's settings."""
    if report.problems:
        yield _(_NOT_IN_EFFECT)
        yield from report.problems
    if name in report.restarted:
        yield _(_RESTARTED)
    if report.needs_restart:
        yield _(_NEXT_START) % {"keys": ", ".join(report.needs_restart)}


def _typed(camera: CameraSettings) -> dict[str, str]:
    """Return what the form of settings shows for those in force."""
    limits = {window: getattr(camera.budget, window) for window in _WINDOWS}
    return {"rotate": str(camera.rotate), **{key: "" if limit is None else str(limit) for key, limit in limits.items()}}


def _failure(error: RecognitionError, _: Callable[[str], str]) -> str:
    """Return what went wrong with an engine, and the words of the error, which are those of the log."""
    return f"{_(CALL_OUTCOMES[error.outcome])}: {error}"


def _card(
    request: Request, name: str, health: CameraHealth | None, counts: PassageCounts, width: float | None
) -> CameraCard:
    words, now = Wording(texts_of(request)), datetime.now(UTC)
    since = "" if health is None else words.age((now - health.since).total_seconds())
    seen = "" if health is None or health.last_frame_age is None else words.age(health.last_frame_age)
    state = words_of_state(None if health is None else health.state)
    return CameraCard(name, _path(name), state, health, since, seen, counts, width)


def _path(name: str) -> str:
    return f"/cameras/{quote(name)}"


def _health(console: Console) -> dict[str, CameraHealth]:
    snapshot = console.backend.snapshot()
    return {} if snapshot is None else {camera.name: camera for camera in snapshot.cameras}


def _principal(request: Request) -> Principal:
    principal = principal_of(request)
    assert principal is not None  # the routes ask for a role
    return principal


def _camera(request: Request) -> str:
    """Return the name of the camera. Raise HTTPException if there is none, or if it is not for this person."""
    name: str = request.path_params["name"]
    if name not in console_of(request).backend.settings.cameras or not _principal(request).sees(name):
        raise HTTPException(404)
    return name


def _live(request: Request) -> LiveCameras:
    """Return the present pictures. Raise HTTPException if this program watches no cameras."""
    live = console_of(request).backend.live
    if live is None:
        raise HTTPException(404, words_of(request)(_NO_CAMERAS))
    return live


ROUTES = [
    page("/cameras", cameras, role=Role.VIEWER),
    page("/cameras/{name:path}/picture", picture, role=Role.VIEWER),
    page("/cameras/{name:path}/live", watch, role=Role.VIEWER),
    page("/cameras/{name:path}/read", read, role=Role.GUARD, methods=("POST",)),
    page("/cameras/{name:path}/settings", save_settings, role=Role.ADMIN, methods=("POST",)),
    page("/cameras/{name:path}/zone", save_zone, role=Role.ADMIN, methods=("POST",)),
    page("/cameras/{name:path}", camera, role=Role.VIEWER),
]
