"""Threads share the C library's heaps, in a process of its own."""

import re
import subprocess
import sys

import pytest

MANY_THREADS = """
import ctypes, threading
from streamwatch.allocator import share_memory_between_threads
{first}
c = ctypes.CDLL(None)
c.malloc.restype = ctypes.c_void_p
every, done = threading.Barrier(17), threading.Event()
def take():
    c.malloc(50_000)
    every.wait()
    done.wait()
for _ in range(16):
    threading.Thread(target=take, daemon=True).start()
every.wait()
c.stdout = ctypes.c_void_p.in_dll(c, "stdout")
c.malloc_info(0, c.stdout)
c.fflush(c.stdout)
"""


def heaps(first: str) -> int:
    """How many the C library has when sixteen threads have asked for memory at once."""
    program = [sys.executable, "-c", MANY_THREADS.format(first=first)]
    told = subprocess.run(program, capture_output=True, text=True, timeout=60, check=True).stdout
    return len(re.findall("<heap nr=", told))


def test_threads_share_two_heaps() -> None:
    if not sys.platform.startswith("linux") or heaps("") < 3:
        pytest.skip("this C library gives threads no heaps of their own")
    assert heaps("share_memory_between_threads()") <= 2
