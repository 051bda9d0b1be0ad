"""The pictures that were sent, kept as files below `data_dir/evidence`.

A file is complete or does not exist: it is written under another name, synced and renamed, and its folder is synced,
too. So a row that is committed afterwards never names a file that a power cut has removed.
"""

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

from streamwatch.core.errors import StorageFailed, StoreError
from streamwatch.store.failures import file_failed
from streamwatch.system.files import make_folder, write_whole

_LONGEST_FOLDER = 200  # bytes; file systems take 255


def sha256(jpeg: bytes) -> str:
    """Return the SHA-256 of a picture, 64 hex digits."""
    return hashlib.sha256(jpeg).hexdigest()


def picture_path(camera: str, at: datetime, key: str, suffix: str = "") -> str:
    """Return a picture's path below data_dir: `evidence/CAMERA/YYYY-MM-DD/HHMMSS.mmm-KEY8.jpg`, in UTC."""
    at = at.astimezone(UTC)
    name = f"{at:%H%M%S}.{at.microsecond // 1000:03d}-{_safe(key)[:8]}{suffix}.jpg"
    return f"evidence/{_safe(camera)}/{at:%Y-%m-%d}/{name}"


def day_of(name: str) -> datetime | None:
    """Return the UTC day that a folder of pictures is named after; None for another folder."""
    try:
        return datetime.strptime(name, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def write_picture(data_dir: Path, path: str, jpeg: bytes) -> None:
    """Return once the bytes are safely stored at data_dir/path. Raise StorageFailed and leave no file."""
    target = data_dir / path
    try:
        make_folder(target.parent)
        write_whole(target, jpeg, durable=True)
    except OSError as error:
        raise file_failed(f"The picture {target}", error) from None


def require_folder(data_dir: Path) -> None:
    """Raise StorageFailed if the whole folder of pictures is missing.

    Then probably its disk is missing, and no picture is lost.
    """
    folder = data_dir / "evidence"
    if folder.is_file():
        raise StorageFailed(
            f"The folder {folder}, which holds pictures of this database, is missing: a file has its name.",
            "Move that file away, and put the folder back.",
        )
    if not folder.is_dir():
        raise StorageFailed(
            f"The folder {folder}, which holds pictures of this database, is missing.",
            "Mount its disk, or make an empty folder there if the pictures are gone for good.",
        )


def read_picture(data_dir: Path, path: str, digest: str) -> bytes:
    """Return the bytes at data_dir/path.

    Raise StorageFailed if they cannot be read now, and StoreError if they are gone or have another SHA-256 than
    `digest`.
    """
    target = data_dir / path
    try:
        jpeg = target.read_bytes()
    except FileNotFoundError:
        require_folder(data_dir)
        raise StoreError(f"The picture {target} is gone.") from None
    except OSError as error:
        raise file_failed(f"The picture {target}", error, "read") from None
    if sha256(jpeg) != digest:
        raise StoreError(f"The picture {target} is damaged: it is not the one that was stored.")
    return jpeg


def _safe(name: str) -> str:
    """Return any name of a camera as one part of a path."""
    word = re.sub(r"[^\w.-]", "_", name).lstrip(".") or "_"
    return word.encode()[:_LONGEST_FOLDER].decode(errors="ignore")
