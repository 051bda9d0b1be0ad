"""Passes on to the log what C libraries write to file descriptor 2: libjpeg and libpng about damaged pictures, OpenCV.

Descriptor 2 becomes a pipe, and `sys.stderr` leads to where it led before. A library that writes into the pipe never
waits: while it is full, more text is lost. `tell` empties the pipe and logs the text at debug. The text of a library
that ends the process is lost. Tracebacks of Python and `faulthandler` go to `sys.stderr`.
"""

import logging
import os
import sys

log = logging.getLogger(__name__)

PIECE = 65536
"""Bytes that are read at once; as much as a pipe holds."""
LONGEST = 500
"""Upper limit of the characters of a line that are logged."""

_pipe: int | None = None


def divert() -> None:
    """Separate descriptor 2 from `sys.stderr`. To be called once, before logging is set up and threads are started."""
    global _pipe
    if (
        _pipe is not None or sys.stderr is None
    ):  # closed by the program that started us: another file may have the number
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
    """Log what came since the last call, line by line, without characters that a terminal would obey."""
    if _pipe is None:
        return
    try:
        text = os.read(_pipe, PIECE).decode(errors="replace")
    except BlockingIOError:
        return
    for line in text.splitlines():
        log.debug("%s", "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line[:LONGEST]))
