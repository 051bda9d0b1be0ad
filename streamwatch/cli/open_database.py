"""The database, opened by a verb that writes it."""

import logging
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streamwatch.system.files import open_to_others

if TYPE_CHECKING:
    from streamwatch.config.settings import Settings
    from streamwatch.store import Store

log = logging.getLogger("streamwatch")


@contextmanager
def writer(settings: "Settings") -> Iterator["Store"]:
    """Open the database as its only writer. Warn if every user of the machine can read it."""
    from streamwatch.store import open_store, sqlite_file
    from streamwatch.store.lock import sole_writer

    with sole_writer(settings.database, settings.data_dir):
        store = open_store(settings.database, settings.data_dir, sole=True)
        file = sqlite_file(settings.database)
        if found := open_to_others([settings.data_dir / "evidence", *([] if file is None else [file])]):
            names = shlex.join(map(str, found))
            log.warning(
                "every user of this machine can read the logged data; prevent that with `chmod -R go= %s`", names
            )
        try:
            yield store
        finally:
            store.close()
