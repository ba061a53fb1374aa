"""Dimensions and teams: copied when a response is recorded, kept, counted, and repaired after a change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import delete, select
from support.application import ApplicationHarness
from support.clock import START
from support.report_scenarios import GROUPED, GivenResponse, store_given

from nps_connect.ledger.audit_log import Actor, AuditRow
from nps_connect.ledger.daily_figures import FigureSettingsRow
from nps_connect.ledger.response_dimensions import ResponseDimensionRow
from nps_connect.services.operations.figures import correct_figures, find_differences
from nps_connect.services.reports.comparisons import compare_groups
from nps_connect.services.reports.counts import count_by_dimension
from nps_connect.services.reports.filters import ResponseFilter
from nps_connect.services.reports.staff_figures import find_staff_block, switch_staff_figures
from nps_connect.services.responses.figure_settings import find_changed_settings, record_first_settings

FIELDS = {"shop": "Lyon", "advisor": "ana"}


@pytest.fixture
def grouped(ledger, clock) -> ApplicationHarness:
    return ApplicationHarness(ledger, clock, GROUPED)


def groups_of(application) -> set[tuple[str, str]]:
    with application.ledger.read() as session:
        rows = session.execute(select(ResponseDimensionRow.name, ResponseDimensionRow.value))
        return {tuple(row) for row in rows}


def counted(application, dimension: str) -> dict[str, int]:
    ctx = application.ctx
    with ctx.ledger.read() as session:
        groups = count_by_dimension(session, ctx.settings.core.zone, ResponseFilter(), dimension)
    return {name: counts.responses for name, counts in groups.items()}


def differences(application):
    return find_differences(application.ledger, application.ctx.settings.core.zone, application.ctx.dimensions)


def test_a_response_keeps_the_groups_of_its_first_answer(grouped):
    token = grouped.surveyed(fields=FIELDS)
    grouped.answer(token, 9)
    assert groups_of(grouped) == {("location", "Lyon"), ("owner", "ana"), ("team", "lyon"), ("team", "south")}
    grouped.crm.knows("1", "marie@example.com", fields={"shop": "Nice"})
    grouped.clock.forward("1d")
    grouped.answer(token, 3, "Non")
    assert counted(grouped, "location") == {"Lyon": 1}
    assert counted(grouped, "team") == {"lyon": 1, "south": 1}
    assert differences(grouped) == []


def test_an_erasure_keeps_the_counts(grouped):
    grouped.answer(grouped.surveyed(fields=FIELDS), 2)
    grouped.webhook({"id": "1", "kind": "contact.privacy_deleted", "at": grouped.clock().isoformat()})
    grouped.run()
    assert (counted(grouped, "location"), differences(grouped)) == ({"Lyon": 1}, [])


def test_a_changed_configuration_is_noticed_and_repaired(ledger, clock):
    former = ApplicationHarness(ledger, clock)
    store_given(former, [GivenResponse(START, 9, location="Lyon", owner="ana"), GivenResponse(START, 2)])
    assert counted(former, "location") == {"": 2}
    changed = ApplicationHarness(ledger, clock, GROUPED)
    zone, rules = changed.ctx.settings.core.zone, changed.ctx.dimensions
    with ledger.read() as session:
        names = find_changed_settings(session, zone, rules)
    assert names == ["core.dimensions.location", "core.dimensions.owner", "teams.lyon", "teams.south"]
    assert differences(changed)
    correct_figures(ledger, zone, rules)
    assert (counted(changed, "location"), counted(changed, "team")) == ({"": 1, "Lyon": 1}, {"lyon": 1, "south": 1})
    assert differences(changed) == []
    with ledger.read() as session:
        assert find_changed_settings(session, zone, rules) == []
    without_south = ApplicationHarness(ledger, clock, {**GROUPED, "teams": {"lyon": GROUPED["teams"]["lyon"]}})
    correct_figures(ledger, zone, without_south.ctx.dimensions)
    assert counted(without_south, "team") == {"lyon": 1}


def test_figures_about_staff_are_off_until_somebody_says_why(grouped):
    responses = [GivenResponse(START - timedelta(hours=index), 9, owner="ana") for index in range(9)]
    store_given(grouped, [*responses, *(GivenResponse(START, 3, owner=name) for name in ("bob", "zed"))])
    ctx = grouped.ctx
    zone, teams = ctx.settings.core.zone, ctx.settings.teams
    with ctx.ledger.write() as session:
        off = compare_groups(session, zone, teams, ResponseFilter(), "owner")
        assert (off.rows, off.disabled) == ((), {"ana", "bob", "zed"})
        assert find_staff_block(session, zone, teams, ResponseFilter(dimensions={"owner": "ana"})) == "off"
        assert find_staff_block(session, zone, teams, ResponseFilter(team="south")) == "off"
        assert find_staff_block(session, zone, teams, ResponseFilter(team="lyon")) is None
        switch_staff_figures(session, Actor("cli", "ana"), enabled=True, reason="staff was told", now=START)
        on = compare_groups(session, zone, teams, ResponseFilter(), "owner")
        assert ([row.value for row in on.rows], on.hidden) == ([], {"ana", "bob", "zed"})  # 9 of 11 would tell of 2
        assert find_staff_block(session, zone, teams, ResponseFilter(dimensions={"owner": "bob"})) == "too_few"
        assert session.execute(select(AuditRow.reason)).scalars().all() == ["staff was told"]


def test_a_group_stands_out_only_after_holm_s_correction(grouped):
    # Lyon differs from the others with p of about 0.04, which is nothing special among six shops.
    happy = [GivenResponse(START, 10 if index < 27 else 3, location="Lyon") for index in range(40)]
    others = [
        GivenResponse(START, 10 if index % 2 else 3, location=f"Shop {shop}") for shop in range(5) for index in range(40)
    ]  # fmt: skip
    store_given(grouped, [*happy, *others])
    ctx = grouped.ctx
    with ctx.ledger.read() as session:
        comparison = compare_groups(session, ctx.settings.core.zone, {}, ResponseFilter(), "location")
    lyon = next(row for row in comparison.rows if row.value == "Lyon")
    assert (lyon.difference.is_beyond_noise, lyon.stands_out, comparison.is_corrected) == (True, False, True)


def test_workers_that_start_at_the_same_time_record_the_settings_together(grouped):
    started, ctx = Barrier(4), grouped.ctx

    def start() -> None:
        started.wait()
        with ctx.ledger.write() as session:
            record_first_settings(session, ctx.settings.core.zone, ctx.dimensions)

    with ThreadPoolExecutor(4) as workers:
        for _ in range(10):  # one start alone may be in order by luck
            with ctx.ledger.write() as session:
                session.execute(delete(FigureSettingsRow))
            for running in [workers.submit(start) for _ in range(4)]:
                running.result()
    with ctx.ledger.read() as session:
        assert find_changed_settings(session, ctx.settings.core.zone, ctx.dimensions) == []
