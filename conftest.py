"""Settings for all tests of the repository."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# The duration of an example depends on the load of the machine; benchmarks measure time.
DEFAULT_PROFILE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repository", DEFAULT_PROFILE)
settings.register_profile("thorough", DEFAULT_PROFILE, max_examples=2000)
settings.load_profile(os.environ.get("NPS_CONNECT_EXAMPLES", "repository"))

GC_THRESHOLD = 20_000
"""Net allocations that trigger a collection. With Python's 700, a fifth of the suite's CPU went into collections."""

NEVER_SKIPPED_IN_CI = ("browser", "mail_servers", "postgres")


def pytest_xdist_auto_num_workers() -> int:
    """Return one more than the number of cores: tests wait half of the time for processes, databases and browsers."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    """Exclude the modules and collected tests from garbage collection, and collect rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, fail tests of browsers, databases and mail servers instead of skipping them."""
    report = yield
    marked = any(item.get_closest_marker(marker) for marker in NEVER_SKIPPED_IN_CI)
    if report.skipped and marked and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report
