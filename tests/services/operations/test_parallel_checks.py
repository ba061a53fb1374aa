"""Checks run at the same time and have one deadline."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from threading import Barrier, Event

from nps_connect import Finding
from nps_connect.services.operations.parallel_checks import Check, run_checks

TIMEOUT = timedelta(seconds=20)
FINE = Finding(severity="ok", text="fine")


def test_checks_run_at_the_same_time():
    together = Barrier(3)

    def run():
        together.wait()
        return [FINE]

    assert run_checks([Check(name, run, "") for name in "abc"], TIMEOUT) == {name: [FINE] for name in "abc"}


def test_a_check_that_is_not_finished_in_time_is_a_finding_and_the_others_count():
    blocked, finished, elapsed = Event(), Event(), count()

    def finish():
        finished.set()
        return []

    def monotonic():  # the deadline passes some looks after the other check has finished
        looks = next(elapsed)
        if looks:
            finished.wait()
        return float(looks)

    results = run_checks(
        [Check("crm", lambda: [FINE] if blocked.wait() else [], "check crm"), Check("mail", finish, "check mail")],
        timedelta(seconds=10),
        monotonic,
    )
    blocked.set()
    [finding] = results["crm"]
    assert (finding.id, finding.severity, finding.subject) == ("check-timeout", "error", "crm")
    assert (finding.text, finding.fix) == ("the check did not finish within 10 s", "check crm")
    assert results["mail"] == []
