"""The whole product with a HubSpot portal when people vanish, rights are lost, or the day's calls are used up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

import nps_connect_hubspot as plugin
from nps_connect.ledger import pauses
from nps_connect.ledger.tables import ContactRow, RawRequest
from nps_connect.services.operations.connection_checks import check_connection

ZOE = "zoe@example.com"


def stopped(application) -> set[str]:
    with application.ledger.read() as session:
        return set(pauses.load_pauses(session))


def test_a_contact_who_was_deleted_is_skipped_and_counted(play):
    walk = play()
    zoe = walk.knows(ZOE)
    token = walk.surveyed(ZOE)
    zoe.archived = True
    walk.application.answer(token, 9)
    walk.application.run()
    [row] = walk.application.deliveries("write_score")
    assert row.state == "skipped"
    texts = [finding.text for finding in check_connection(walk.application.ctx, "crm").findings]
    assert any(text.startswith("write_score skipped in the last 30 days") and text.endswith(": 1") for text in texts)


def test_a_contact_who_was_merged_is_written_onto_the_survivor(play):
    walk = play()
    zoe, survivor = walk.knows(ZOE), walk.knows("zoe.mueller@example.com")
    token = walk.surveyed(ZOE)
    walk.vendor.portal.merge(survivor, zoe, walk.application.clock())
    walk.send(
        [walk.vendor.facts.note("contact.merge", survivor.id, walk.application.clock(), mergedObjectIds=[int(zoe.id)])]
    )
    walk.application.answer(token, 9)
    walk.application.run()
    assert survivor.properties["nps_score"] == "9"


def test_a_privacy_deletion_forgets_the_person(play):
    walk = play()
    zoe = walk.knows(ZOE)
    walk.answers(ZOE, 2, "Ne m'appelez plus")
    walk.send(walk.vendor.simulate_event("contact.privacy_deleted", ZOE))
    with walk.application.ledger.read() as session:
        row = session.execute(select(ContactRow).where(ContactRow.vendor_id == zoe.id)).scalar_one()
    assert (row.email, row.name, row.erased_at is not None) == (None, None, True)


def test_events_of_another_portal_lead_to_nothing_and_are_counted(play):
    walk = play(portal_id=1)
    walk.knows(ZOE)
    walk.won(ZOE)
    assert walk.reasons() == []
    with walk.application.ledger.read() as session:
        [row] = session.execute(select(RawRequest)).scalars()
    assert (row.state, "another portal than portal_id 1" in row.last_error) == ("dead", True)
    texts = [finding.text for finding in check_connection(walk.application.ctx, "crm").findings]
    assert any(text.startswith("unreadable webhooks: 1; ") for text in texts)


def test_events_of_another_portal_beside_ours_are_counted_and_ours_are_taken_in(play):
    walk = play()
    walk.knows(ZOE)
    ours = walk.vendor.simulate_event("deal.won", ZOE)
    theirs = walk.vendor.simulate_event("deal.won", ZOE)
    for fact in theirs:
        walk.vendor.facts.entries[fact]["portalId"] = 1
    walk.send([*ours, *theirs])
    assert walk.reasons() == ["surveyed"]
    texts = [finding.text for finding in check_connection(walk.application.ctx, "crm").findings]
    assert f"webhooks refused in the last 30 days: {len(theirs)} for another_account" in texts


def test_a_revoked_token_stops_the_connection_until_the_check_passes(play, monkeypatch):
    walk = play()
    zoe = walk.knows(ZOE)
    token = walk.surveyed(ZOE)
    with monkeypatch.context() as revoked:
        revoked.setattr("nps_connect_hubspot.simulated.vendor.TOKEN", "pat-eu1-another")
        walk.application.answer(token, 9)
        walk.application.run()
        assert stopped(walk.application) == {"connection:crm"}
        assert not check_connection(walk.application.ctx, "crm").ok
    assert check_connection(walk.application.ctx, "crm").resumed == ("connection:crm",)
    walk.application.run()
    assert zoe.properties["nps_score"] == "9"


def test_a_missing_scope_stops_that_action_only(play):
    walk = play(opt_out_subscription=77)
    zoe = walk.knows(ZOE)
    token = walk.surveyed(ZOE)
    walk.vendor.portal.scopes.discard("crm.objects.contacts.write")
    walk.application.answer(token, 9)
    walk.application.run()
    assert stopped(walk.application) == {"queue:crm/write_score"}
    walk.unsubscribe(ZOE)
    assert walk.vendor.portal.statuses == {ZOE: {77: "UNSUBSCRIBED"}}
    assert check_connection(walk.application.ctx, "crm").resumed == ()
    walk.vendor.portal.scopes.add("crm.objects.contacts.write")
    assert check_connection(walk.application.ctx, "crm").resumed == ("queue:crm/write_score",)
    walk.application.run()
    assert zoe.properties["nps_score"] == "9"


def test_a_property_that_somebody_deleted_waits_for_the_set_up(play):
    walk = play()
    zoe = walk.knows(ZOE)
    token = walk.surveyed(ZOE)
    del walk.vendor.portal.definitions["contacts"]["nps_touchpoint"]
    walk.application.answer(token, 9)
    walk.application.run()
    assert stopped(walk.application) == {"queue:crm/write_score"}
    account = walk.application.ctx.connections["crm"]
    plugin.nps_apply_setup(account, plugin.nps_plan_setup(account))
    assert check_connection(walk.application.ctx, "crm").resumed == ("queue:crm/write_score",)
    walk.application.run()
    assert zoe.properties["nps_score"] == "9"


def test_a_property_that_an_admin_locked_waits_until_it_is_unlocked(play):
    walk = play()
    zoe = walk.knows(ZOE)
    token = walk.surveyed(ZOE)
    definition = walk.vendor.portal.definitions["contacts"]["nps_score"]
    definition["modificationMetadata"]["readOnlyValue"] = True
    walk.application.answer(token, 9)
    walk.application.run()
    assert stopped(walk.application) == {"queue:crm/write_score"}
    assert not check_connection(walk.application.ctx, "crm").ok
    definition["modificationMetadata"]["readOnlyValue"] = False
    assert check_connection(walk.application.ctx, "crm").resumed == ("queue:crm/write_score",)
    walk.application.run()
    assert zoe.properties["nps_score"] == "9"


def test_the_daily_limit_holds_until_the_portals_midnight(play):
    walk = play(portal_timezone="Europe/Paris")
    zoe = walk.knows(ZOE)
    token = walk.surveyed(ZOE)
    walk.vendor.quotas.used_today = walk.vendor.quotas.daily
    walk.application.answer(token, 9)
    walk.application.run()
    [row] = walk.application.deliveries("write_score")
    midnight = datetime(2026, 3, 5, 23, tzinfo=UTC)
    assert (row.state, row.attempts, row.due_at) == ("pending", 0, midnight)
    walk.application.clock.now = midnight - timedelta(seconds=1)
    walk.application.run()
    assert "nps_score" not in zoe.properties
    assert walk.vendor.quotas.refused == 1  # nothing asks again before then, no search either
    walk.application.clock.now = midnight
    walk.application.run()
    assert zoe.properties["nps_score"] == "9"
