"""Style sheets, scripts and icons: read once from the package, and addressed by their content."""

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "txt": "text/plain; charset=utf-8",
    "json": "application/json",
}
_FOR_A_YEAR = "public, max-age=31536000, immutable"


class StaticFiles:
    """The files of `static/`, held in memory, so that no name from outside reaches the disk."""

    def __init__(self) -> None:
        self._files = dict(_read(files("streamwatch.web").joinpath("static"), ""))
        self._hashes = {name: hashlib.sha256(data).hexdigest()[:12] for name, data in self._files.items()}
        together = "".join(f"{name}{self._hashes[name]}" for name in sorted(self._hashes))
        self.version = hashlib.sha256(together.encode()).hexdigest()[:12]
        """Changes with any of the files."""

    def url(self, name: str) -> str:
        """Return the address of a file such as `css/base.css`. Raise KeyError if there is none."""
        return f"/static/{quote(name)}?v={self._hashes[name]}"

    def serve(self, request: Request) -> Response:
        """Answer with a file. Raise HTTPException if there is none."""
        name = request.path_params["name"]
        data = self._files.get(name)
        kind = _TYPES.get(name.rpartition(".")[2])
        if data is None or kind is None:
            raise HTTPException(404)
        tag = self._hashes[name]
        headers = {"ETag": f'"{tag}"', "Cache-Control": _FOR_A_YEAR if request.url.query == f"v={tag}" else "no-cache"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=kind, headers=headers)


def _read(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _read(entry, f"{prefix}{entry.name}/")
        else:
            found.append((f"{prefix}{entry.name}", entry.read_bytes()))
    return found
