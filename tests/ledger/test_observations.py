"""The newest observation of each kind about a subject."""

from __future__ import annotations

from datetime import timedelta

from nps_connect.ledger.observations import load_observations, record_observation


def test_the_newest_observation_replaces_the_one_before(ledger, clock):
    for minutes, detail in ((0, {"action": "check"}), (5, None)):
        with ledger.write() as session:
            record_observation(session, "backup", "", now=clock() + timedelta(minutes=minutes), detail=detail)
    with ledger.read() as session:
        [(subject, row)] = load_observations(session, "backup").items()
    assert (subject, row.at, row.detail) == ("", clock() + timedelta(minutes=5), {})


def test_observations_are_loaded_by_kind_and_subject(ledger, clock):
    with ledger.write() as session:
        for kind, subject in (("announced_end", "crm/check"), ("announced_end", "crm/poll"), ("backup", "")):
            record_observation(session, kind, subject, now=clock())
    with ledger.read() as session:
        assert list(load_observations(session, "announced_end")) == ["crm/check", "crm/poll"]
        assert load_observations(session, "foreign_request") == {}
