"""Exports: all rows of a search as a file for a spreadsheet."""

import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from streamwatch.app.exports import CSV_TYPE, XLSX_TYPE, csv_pieces, write_xlsx
from streamwatch.app.representation import PassageObject, Representation, SightingObject
from streamwatch.core.errors import StorageFailed
from streamwatch.store import Search
from streamwatch.web.api.access import Manager, TheConsole
from streamwatch.web.api.log_routes import PASSAGES, SIGHTINGS
from streamwatch.web.api.parameters import PassageFilters
from streamwatch.web.api.shown import Shown

router = APIRouter(prefix="/v1")
AT_ONCE = 2
"""Workbooks that are made at the same time: each takes a processor for as long as it is made."""
PIECE = 1 << 16
_making = threading.BoundedSemaphore(AT_ONCE)
Filters = Annotated[PassageFilters, Query()]


def _file(kind: str) -> dict[int | str, dict[str, object]]:
    schema = {"type": "string"} if kind == CSV_TYPE else {"type": "string", "format": "binary"}
    return {200: {"description": "The file.", "content": {kind: {"schema": schema}}}}


@router.get(
    "/sightings.csv", tags=[SIGHTINGS], summary="Export as CSV", response_class=Response, responses=_file(CSV_TYPE)
)
def sightings_csv(filters: Filters, request: Request, console: TheConsole, principal: Manager) -> Response:
    """All sightings of a search. UTF-8 with a byte order mark, local times with their offset. For managers."""
    return _csv(_sightings(filters, request, console, principal), SightingObject, "sightings")


@router.get(
    "/sightings.xlsx", tags=[SIGHTINGS], summary="Export as XLSX", response_class=Response, responses=_file(XLSX_TYPE)
)
def sightings_xlsx(filters: Filters, request: Request, console: TheConsole, principal: Manager) -> Response:
    """All sightings of a search. Real dates in local time, plates as text. For managers."""
    found = _sightings(filters, request, console, principal)
    return _xlsx(found, SightingObject, "sightings", _scratch(console))


@router.get(
    "/passages.csv", tags=[PASSAGES], summary="Export as CSV", response_class=Response, responses=_file(CSV_TYPE)
)
def passages_csv(filters: Filters, request: Request, console: TheConsole, principal: Manager) -> Response:
    """All passages of a search. UTF-8 with a byte order mark, local times with their offset. For managers."""
    return _csv(_passages(filters, request, console, principal), PassageObject, "passages")


@router.get(
    "/passages.xlsx", tags=[PASSAGES], summary="Export as XLSX", response_class=Response, responses=_file(XLSX_TYPE)
)
def passages_xlsx(filters: Filters, request: Request, console: TheConsole, principal: Manager) -> Response:
    """All passages of a search. Real dates in local time, plates as text. For managers."""
    found = _passages(filters, request, console, principal)
    return _xlsx(found, PassageObject, "passages", _scratch(console))


def _sightings(
    filters: PassageFilters, request: Request, console: TheConsole, principal: Manager
) -> Iterable[SightingObject]:
    shown, search = _begun(filters, request, principal)
    if search is None:
        return ()
    return map(shown.sighting, console.reader.each_sighting(search=search, scope=shown.scope))


def _passages(
    filters: PassageFilters, request: Request, console: TheConsole, principal: Manager
) -> Iterable[PassageObject]:
    shown, search = _begun(filters, request, principal)
    if search is None:
        return ()
    return map(shown.passage, console.reader.log.each_passage(search, shown.scope))


def _begun(filters: PassageFilters, request: Request, principal: Manager) -> tuple[Shown, Search | None]:
    """Return who sees what, and the search; pictures get whole addresses, which also work in a file."""
    shown, search = Shown(principal, str(request.base_url.replace(path="")).rstrip("/")), filters.search()
    shown.may_search(search)
    return shown, search


def _csv(objects: Iterable[Representation], kind: type[Representation], title: str) -> Response:
    pieces = csv_pieces(objects, list(kind.model_fields))
    return StreamingResponse(pieces, media_type=CSV_TYPE, headers=_named(f"{title}.csv"))


def _scratch(console: TheConsole) -> Path:
    """Return a folder for large files: /tmp may lie in memory."""
    data_dir = console.backend.settings.data_dir
    return data_dir if os.access(data_dir, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


def _xlsx(objects: Iterable[Representation], kind: type[Representation], title: str, scratch: Path) -> Response:
    """Return a workbook. It is made before the answer begins, because its first bytes need the last row."""
    if not _making.acquire(blocking=False):
        sentence = "Other workbooks are being made; try again in a minute, or take CSV."
        raise HTTPException(503, sentence, {"Retry-After": "60"})
    try:
        file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115
        try:
            write_xlsx(objects, list(kind.model_fields), file, title, scratch)
        except BaseException:
            file.close()
            raise
    except OSError as error:
        raise StorageFailed(f"No workbook can be written in {scratch}: {error.strerror}.") from None
    finally:
        _making.release()
    headers = _named(f"{title}.xlsx") | {"Content-Length": str(file.tell())}
    file.seek(0)
    return StreamingResponse(_pieces(file), media_type=XLSX_TYPE, headers=headers)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def _named(name: str) -> dict[str, str]:
    stem, _, ending = name.partition(".")
    day = f"{datetime.now():%Y-%m-%d}"
    return {"Content-Disposition": f'attachment; filename="{stem}-{day}.{ending}"', "Cache-Control": "no-store"}
