"""The kept pictures: whole or only the plate, in a few fixed widths."""

import hashlib

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from streamwatch.core.codes import Role
from streamwatch.core.errors import StorageFailed, StoreError
from streamwatch.imaging.previews import preview
from streamwatch.web.accounts.principal import principal_of
from streamwatch.web.context import console_of
from streamwatch.web.routing import page

WIDTHS = (160, 320, 480, 640, 960, 1280)
"""Widths that can be asked for, in pixels."""
_KEPT = "private, max-age=604800, immutable"
_UNREADABLE = 32
"""Width at which no plate can be read, for those who may not and where the place of a plate is unknown: each character
has at most two pixels, also of a plate that fills half of the picture."""


def keyframe(request: Request) -> Response:
    """Return the picture of a keyframe. `crop=plate`: only the plate; `width`: one of `WIDTHS`."""
    principal = principal_of(request)
    width, plate_alone = _width(request), request.query_params.get("crop") == "plate"
    if principal is None or (plate_alone and principal.masks_plates):
        raise HTTPException(403)
    try:
        found = console_of(request).reader.passages.picture(request.path_params["id"], principal.cameras)
    except StorageFailed:
        raise
    except StoreError:
        raise HTTPException(410) from None
    if found is None or (plate_alone and found.plate is None):
        raise HTTPException(404)
    tag = f'"{hashlib.sha256(found.jpeg).hexdigest()[:16]}-{int(principal.masks_plates)}"'
    headers = {"Cache-Control": _KEPT, "ETag": tag, "Vary": "Cookie"}  # the next person at this browser may see less
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    jpeg: bytes | None = found.jpeg
    if principal.masks_plates:
        jpeg = preview(found.jpeg, width if found.plates else _UNREADABLE, hidden=found.plates)
    elif width is not None or plate_alone:
        jpeg = preview(found.jpeg, width, found.plate if plate_alone else None)
    if jpeg is None:
        raise HTTPException(410)
    return Response(jpeg, media_type="image/jpeg", headers=headers)


def _width(request: Request) -> int | None:
    text = request.query_params.get("width")
    if text is None:
        return None
    width = next((width for width in WIDTHS if text == str(width)), None)
    if width is None:
        raise HTTPException(400)
    return width


ROUTES = [page("/pictures/keyframes/{id:row}", keyframe, role=Role.VIEWER)]
