"""The whole product with a HubSpot portal: deleted contacts, lost permissions, used-up quotas."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

import nps_connect_hubspot as plugin
from nps_connect.ledger import pauses
from nps_connect.ledger.tables import ContactRow, RawRequest
from nps_connect.services.operations.connection_checks import check_connection

ZOE = "zoe@example.com"


def pause_scopes(application) -> set[str]:
    with application.ledger.read() as session:
        return set(pauses.load_pauses(session))


def test_a_deleted_contact_is_skipped_and_counted(make_scenario):
    scenario = make_scenario()
    zoe = scenario.add_contact(ZOE)
    token = scenario.survey(ZOE)
    zoe.archived = True
    scenario.application.answer(token, 9)
    scenario.application.run()
    [row] = scenario.application.deliveries("write_score")
    assert row.state == "skipped"
    texts = [finding.text for finding in check_connection(scenario.application.ctx, "crm").findings]
    assert any(text.startswith("write_score skipped in 30 days") and text.endswith(": 1") for text in texts)


def test_the_score_of_a_merged_contact_is_written_to_the_survivor(make_scenario):
    scenario = make_scenario()
    zoe, survivor = scenario.add_contact(ZOE), scenario.add_contact("zoe.mueller@example.com")
    token = scenario.survey(ZOE)
    scenario.vendor.portal.merge(survivor, zoe, scenario.application.clock())
    now = scenario.application.clock()
    scenario.send(
        [scenario.vendor.facts.record_event("contact.merge", survivor.id, now, mergedObjectIds=[int(zoe.id)])]
    )
    scenario.application.answer(token, 9)
    scenario.application.run()
    assert survivor.properties["nps_score"] == "9"


def test_a_privacy_deletion_erases_the_contact(make_scenario):
    scenario = make_scenario()
    zoe = scenario.add_contact(ZOE)
    scenario.respond(ZOE, 2, "Ne m'appelez plus")
    scenario.send(scenario.vendor.simulate_event("contact.privacy_deleted", ZOE))
    with scenario.application.ledger.read() as session:
        row = session.execute(select(ContactRow).where(ContactRow.vendor_id == zoe.id)).scalar_one()
    assert (row.email, row.name, row.erased_at is not None) == (None, None, True)


def test_events_of_another_portal_are_not_processed_but_counted(make_scenario):
    scenario = make_scenario(portal_id=1)
    scenario.add_contact(ZOE)
    scenario.win_deal(ZOE)
    assert scenario.reasons() == []
    with scenario.application.ledger.read() as session:
        [row] = session.execute(select(RawRequest)).scalars()
    assert (row.state, "another portal than portal_id 1" in row.last_error) == ("dead", True)
    texts = [finding.text for finding in check_connection(scenario.application.ctx, "crm").findings]
    assert any(text.startswith("unreadable webhooks: 1; ") for text in texts)


def test_mixed_events_of_two_portals_are_processed_for_ours_and_counted_for_the_other(make_scenario):
    scenario = make_scenario()
    scenario.add_contact(ZOE)
    ours = scenario.vendor.simulate_event("deal.won", ZOE)
    theirs = scenario.vendor.simulate_event("deal.won", ZOE)
    for fact in theirs:
        scenario.vendor.facts.entries[fact]["portalId"] = 1
    scenario.send([*ours, *theirs])
    assert scenario.reasons() == ["surveyed"]
    texts = [finding.text for finding in check_connection(scenario.application.ctx, "crm").findings]
    assert f"webhooks refused since yesterday: {len(theirs)} for another_account" in texts


def test_a_revoked_token_pauses_the_connection_until_the_check_passes(make_scenario, monkeypatch):
    scenario = make_scenario()
    zoe = scenario.add_contact(ZOE)
    token = scenario.survey(ZOE)
    with monkeypatch.context() as revoked:
        revoked.setattr("nps_connect_hubspot.simulated.vendor.TOKEN", "pat-eu1-another")
        scenario.application.answer(token, 9)
        scenario.application.run()
        assert pause_scopes(scenario.application) == {"connection:crm"}
        assert not check_connection(scenario.application.ctx, "crm").ok
    assert check_connection(scenario.application.ctx, "crm").resumed == ("connection:crm",)
    scenario.application.run()
    assert zoe.properties["nps_score"] == "9"


def test_a_missing_scope_pauses_only_that_action(make_scenario):
    scenario = make_scenario(opt_out_subscription=77)
    zoe = scenario.add_contact(ZOE)
    token = scenario.survey(ZOE)
    scenario.vendor.portal.scopes.discard("crm.objects.contacts.write")
    scenario.application.answer(token, 9)
    scenario.application.run()
    assert pause_scopes(scenario.application) == {"queue:crm/write_score"}
    scenario.unsubscribe(ZOE)
    assert scenario.vendor.portal.statuses == {ZOE: {77: "UNSUBSCRIBED"}}
    assert check_connection(scenario.application.ctx, "crm").resumed == ()
    scenario.vendor.portal.scopes.add("crm.objects.contacts.write")
    assert check_connection(scenario.application.ctx, "crm").resumed == ("queue:crm/write_score",)
    scenario.application.run()
    assert zoe.properties["nps_score"] == "9"


def test_a_deleted_property_pauses_the_action_until_the_setup(make_scenario):
    scenario = make_scenario()
    zoe = scenario.add_contact(ZOE)
    token = scenario.survey(ZOE)
    del scenario.vendor.portal.definitions["contacts"]["nps_touchpoint"]
    scenario.application.answer(token, 9)
    scenario.application.run()
    assert pause_scopes(scenario.application) == {"queue:crm/write_score"}
    connection = scenario.application.ctx.connections["crm"]
    plugin.nps_apply_setup(connection, plugin.nps_plan_setup(connection))
    assert check_connection(scenario.application.ctx, "crm").resumed == ("queue:crm/write_score",)
    scenario.application.run()
    assert zoe.properties["nps_score"] == "9"


def test_a_locked_property_pauses_the_action_until_it_is_unlocked(make_scenario):
    scenario = make_scenario()
    zoe = scenario.add_contact(ZOE)
    token = scenario.survey(ZOE)
    definition = scenario.vendor.portal.definitions["contacts"]["nps_score"]
    definition["modificationMetadata"]["readOnlyValue"] = True
    scenario.application.answer(token, 9)
    scenario.application.run()
    assert pause_scopes(scenario.application) == {"queue:crm/write_score"}
    assert not check_connection(scenario.application.ctx, "crm").ok
    definition["modificationMetadata"]["readOnlyValue"] = False
    assert check_connection(scenario.application.ctx, "crm").resumed == ("queue:crm/write_score",)
    scenario.application.run()
    assert zoe.properties["nps_score"] == "9"


def test_the_daily_limit_pauses_calls_until_the_portals_midnight(make_scenario):
    scenario = make_scenario(portal_timezone="Europe/Paris")
    zoe = scenario.add_contact(ZOE)
    token = scenario.survey(ZOE)
    scenario.vendor.quotas.used_today = scenario.vendor.quotas.daily
    scenario.application.answer(token, 9)
    scenario.application.run()
    [row] = scenario.application.deliveries("write_score")
    midnight = datetime(2026, 3, 5, 23, tzinfo=UTC)
    assert (row.state, row.attempts, row.due_at) == ("pending", 0, midnight)
    scenario.application.clock.now = midnight - timedelta(seconds=1)
    scenario.application.run()
    assert "nps_score" not in zoe.properties
    assert scenario.vendor.quotas.refused == 1  # no call is made before then, no search either
    scenario.application.clock.now = midnight
    scenario.application.run()
    assert zoe.properties["nps_score"] == "9"
