"""Tells the C library how to share memory between threads and when to give it back. With other libraries than glibc
nothing is done."""

import ctypes

ARENA_MAX = -8
"""M_ARENA_MAX of glibc's malloc.h."""
ARENAS = 2


def share_memory_between_threads() -> None:
    """Limit the heaps of glibc to two. To be called before threads are started.

    glibc gives every thread a heap of its own, up to eight for each core, and each heap keeps what its thread freed.
    Two heaps for all save a fifth of the memory of a camera, and cost no CPU that could be measured; see mallopt(3).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(ARENA_MAX, ARENAS)


def give_memory_back() -> None:
    """Give freed memory back to the system; see malloc_trim(3). This takes some 10 ms.

    glibc keeps free memory between blocks in use: 20 MB a camera after its scene has been searched for plates.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
