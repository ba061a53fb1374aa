"""Thread checks: a plugin leaves threads to the worker; a thread that outlives its call accumulates with every call."""

from __future__ import annotations

import threading
from datetime import timedelta

from nps_connect.testing.contract_base import HTTP, ContractBase, needs
from nps_connect.testing.fault_checks import VendorCall

THREAD_END_TIMEOUT = timedelta(seconds=2)
"""How long a thread that is about to end may take after the call returned."""

MEASURED_CALLS = 2
"""Calls per check; a pool that the first call starts and keeps shows up like any other thread."""


class ThreadChecks(ContractBase):
    """Every action and every reading hook, with the threads of the process before and after."""

    @needs(HTTP)
    def test_no_thread_outlives_its_call(self, vendor_call: VendorCall) -> None:
        """After a hook call the same threads are alive as before."""
        calls = [vendor_call.prepare(self.harness()) for _ in range(MEASURED_CALLS)]
        before = set(threading.enumerate())
        for call in calls:
            call()
        outlived = [thread for thread in threading.enumerate() if thread not in before and not _has_ended(thread)]
        names = ", ".join(sorted(thread.name for thread in outlived))
        assert not outlived, f"{vendor_call.name} leaves {len(outlived)} threads running: {names}"


def _has_ended(thread: threading.Thread) -> bool:
    thread.join(THREAD_END_TIMEOUT.total_seconds())
    return not thread.is_alive()
