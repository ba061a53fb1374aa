"""Less frequent runs of Python's cyclic garbage collector."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

GC_THRESHOLD = 20_000
"""Net allocations that trigger a collection: a batch of events makes 15,000 objects. With Python's default of 700, each
batch triggered hundreds of collections over live rows, a quarter of its time; memory grows by a few megabytes."""


@contextmanager
def reduced_gc() -> Iterator[None]:
    """Collect rarely until the end of the block, and exclude everything loaded so far (`gc.freeze`)."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


@contextmanager
def reduced_gc_of_command() -> Iterator[None]:
    """Collect rarely until the end of the block, and not at the end of the process, which frees its memory anyway.

    The imports of a command that only reads trigger two hundred collections that find nothing, and Python runs one more
    over everything when it exits: together a quarter of the command's CPU.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD, *thresholds[1:])
    atexit.unregister(gc.freeze)  # a test runs many commands in one process
    atexit.register(gc.freeze)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
