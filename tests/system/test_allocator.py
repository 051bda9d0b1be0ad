"""Threads share the C library's heaps, and freed memory goes back. Each test runs in a process of its own."""

import ctypes
import re
import subprocess
import sys

import pytest

MANY_THREADS = """
import ctypes, threading
from streamwatch.system.allocator import share_memory_between_threads
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
    """Return the number of heaps after sixteen threads have asked for memory at once."""
    program = [sys.executable, "-c", MANY_THREADS.format(first=first)]
    told = subprocess.run(program, capture_output=True, text=True, timeout=60, check=True).stdout
    return len(re.findall("<heap nr=", told))


def test_threads_share_two_heaps() -> None:
    if not sys.platform.startswith("linux") or heaps("") < 3:
        pytest.skip("this C library gives threads no heaps of their own")
    assert heaps("share_memory_between_threads()") <= 2


FREED = """
import ctypes
from pathlib import Path
from streamwatch.system.allocator import give_memory_back
c = ctypes.CDLL(None)
c.malloc.restype, c.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
pieces = [c.malloc(100_000) for _ in range(1000)]
for piece in pieces:
    ctypes.memset(piece, 1, 100_000)
def used():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
for piece in pieces[:-1]:
    c.free(piece)
before = used()
give_memory_back()
print(before - used())
"""


def test_what_was_freed_below_a_piece_in_use_goes_back_to_the_system() -> None:
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("this C library cannot be told to")
    told = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, timeout=60, check=True).stdout
    assert int(told) > 80_000_000
