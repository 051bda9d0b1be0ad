"""The audit log as a list: who did what, newest first."""

from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from streamwatch.core.codes import AuditAction, Role
from streamwatch.web.answers import render
from streamwatch.web.catalogue import N_
from streamwatch.web.context import console_of
from streamwatch.web.routing import page

ROWS = 50
ACTIONS = {
    AuditAction.LOGIN: N_("logged in"),
    AuditAction.LOGIN_FAILED: N_("log-in failed"),
    AuditAction.LOGOUT: N_("logged out"),
    AuditAction.SESSION_ENDED: N_("ended a session"),
    AuditAction.PASSWORD_CHANGED: N_("set a password"),
    AuditAction.USER_ADDED: N_("added a user"),
    AuditAction.USER_CHANGED: N_("changed a user"),
    AuditAction.USER_DISABLED: N_("disabled a user"),
    AuditAction.USER_ENABLED: N_("enabled a user"),
    AuditAction.USER_REMOVED: N_("removed a user"),
    AuditAction.TOKEN_ADDED: N_("made a token"),
    AuditAction.TOKEN_REVOKED: N_("revoked a token"),
    AuditAction.PLATE_SEARCHED: N_("searched for a plate"),
    AuditAction.EXPORTED: N_("exported"),
    AuditAction.PLATE_TYPED: N_("typed in a plate"),
    AuditAction.CORRECTED: N_("corrected"),
    AuditAction.PICTURE_READ: N_("had a picture read"),
    AuditAction.CAMERA_CHANGED: N_("changed a camera"),
    AuditAction.SETTINGS_RELOADED: N_("reloaded the configuration"),
    AuditAction.PERMIT_ADDED: N_("added a permit"),
    AuditAction.PERMIT_CHANGED: N_("changed a permit"),
    AuditAction.PERMIT_ENDED: N_("ended a permit"),
    AuditAction.PERMITS_IMPORTED: N_("imported permits"),
    AuditAction.DECISION_ANSWERED: N_("answered a decision"),
    AuditAction.OPENED_BY_HAND: N_("opened by hand"),
    AuditAction.OPENINGS_STOPPED: N_("stopped all openings"),
    AuditAction.OPENINGS_RESUMED: N_("allowed openings again"),
    AuditAction.RECEIVER_TESTED: N_("tested a receiver"),
    AuditAction.EVENTS_RESENT: N_("sent events again"),
}
"""What each code means."""
_FILTERS = ("who", "action", "object", "since", "until")


def audit_log(request: Request) -> Response:
    """Show the entries that the filters of the address let through."""
    asked = {name: request.query_params.get(name, "").strip()[:128] for name in _FILTERS}
    before = request.query_params.get("before", "")
    action = asked["action"] if asked["action"] in set(AuditAction) else ""
    since, until = _day(asked["since"]), _day(asked["until"])
    entries = console_of(request).reader.audit.entries(
        ROWS + 1,
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None,
        who=asked["who"] or None,
        action=AuditAction(action) if action else None,
        object=asked["object"] or None,
        since=_begin(since),
        until=None if until is None else _begin(until + timedelta(days=1)),
    )
    older = ""
    if len(entries) > ROWS:
        kept = {name: value for name, value in asked.items() if value}
        older = "/people/audit?" + urlencode({**kept, "before": entries[ROWS - 1].id})
    return render(
        request,
        "audit_log.html",
        entries=entries[:ROWS],
        actions=ACTIONS,
        asked=asked,
        filtered=any(asked.values()),
        older=older,
        newest="/people/audit" if before else "",
    )


def _day(text: str) -> date | None:
    """Return a day that a browser's field wrote, within what calendars can compute with."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 < found.year < 9000 else None


def _begin(day: date | None) -> datetime | None:
    """Return the local moment at which a day begins."""
    return None if day is None else datetime.combine(day, time()).astimezone()


ROUTES = [page("/people/audit", audit_log, role=Role.ADMIN)]
