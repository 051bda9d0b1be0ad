"""What C libraries write to file descriptor 2, past the log: libjpeg and libpng of damaged pictures, OpenCV, others.

Descriptor 2 becomes a pipe, and `sys.stderr` leads to where it led before. Who writes into the pipe never waits: while
it is full, more is lost. `tell` takes out what came and passes it on at debug. What a library says in the moment in
which it ends the process is lost with it; tracebacks of Python and `faulthandler` go to `sys.stderr`.
"""

import logging
import os
import sys

log = logging.getLogger(__name__)

PIECE = 65536
"""Bytes that are read at once; as much as a pipe holds."""
LONGEST = 500
"""Characters of a line that are told."""

_pipe: int | None = None


def divert() -> None:
    """Keep descriptor 2 apart from `sys.stderr` from now on; once, before logging is set up and threads are started."""
    global _pipe
    if _pipe is not None or sys.stderr is None:  # closed by whoever started us: the number may be another file's
        return
    if sys._xoptions or sys.flags.verbose:  # the interpreter itself was asked to print there
        return
    sys.stderr.flush()
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    shown = os.dup(2)
    os.dup2(writing, 2, inheritable=False)
    os.close(writing)
    sys.stderr = open(shown, "w", buffering=1, encoding=sys.stderr.encoding, errors=sys.stderr.errors)  # noqa: SIM115
    _pipe = reading


def tell() -> None:
    """Pass on what came since it was called before, line by line, without what a terminal would obey."""
    if _pipe is None:
        return
    try:
        text = os.read(_pipe, PIECE).decode(errors="replace")
    except BlockingIOError:
        return
    for line in text.splitlines():
        log.debug("%s", "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line[:LONGEST]))
