"""Knows which databases have pictures in an evidence folder.

Each database leaves `evidence/KEY.database` there before its first picture. A picture that one database does not know
may belong to another one. So a database may only treat pictures as orphans if it is alone there, and only those of days
after it signed: earlier pictures may belong to a database of an older version, which left no such file.
"""

from pathlib import Path

from streamwatch.store.evidence import day_of, write_picture
from streamwatch.store.failures import file_failed

_ENDING = ".database"


def sign(data_dir: Path, key: str) -> None:
    """Make the file of a database, unless it exists. Raise StorageFailed."""
    path = f"evidence/{key}{_ENDING}"
    if not (data_dir / path).exists():
        days = (folder.name for folder in (data_dir / "evidence").glob("*/*") if day_of(folder.name))
        write_picture(data_dir, path, max(days, default="").encode())


def is_shared(data_dir: Path, key: str) -> bool:
    """Return True if another database has pictures there."""
    return any(file.stem != key for file in (data_dir / "evidence").glob(f"*{_ENDING}"))


def came_after(data_dir: Path, key: str) -> str | None:
    """Return the newest day (YYYY-MM-DD or empty) that had pictures before the database signed.

    Return None if the database has not signed yet.
    """
    file = data_dir / "evidence" / f"{key}{_ENDING}"
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise file_failed(f"The file {file}", error, "read") from None
