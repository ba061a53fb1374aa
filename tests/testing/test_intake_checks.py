"""Each way of taking in, checking or setting up wrongly is found."""

import pytest
from testing import acme
from testing.acme.simulated import SimulatedAcme

from nps_connect import Contact, ContactMatch, EventPage, Finding

PEOPLE = "test_people_are_found_one_match_per_key_in_order"
AGAIN = "test_a_person_is_found_again_by_id"
NOBODY = "test_looking_nobody_up_asks_nobody"
HISTORY = "test_the_first_poll_never_replays_history"
POLLS = "test_polls_find_what_happened_and_can_be_repeated"
MEET = "test_polls_and_webhooks_meet_in_one_key"
COMPLETE = "test_completing_keeps_events_and_finds_their_people"
CHECK = "test_the_check_of_a_sound_account_finds_no_error"
SET_UP = "test_setting_up_twice_is_harmless"


@pytest.mark.parametrize("check", [PEOPLE, AGAIN, NOBODY, HISTORY, POLLS, MEET, COMPLETE, CHECK, SET_UP])
def test_the_good_plugin_passes(contract, findings, check):
    assert findings(contract(acme), check) == []


def found(connection, keys):
    return acme.nps_find_contacts(connection, keys)


def in_another_order(connection, keys):
    return sorted(found(connection, keys), key=lambda match: match.key.value)


def leaving_the_missing_out(connection, keys):
    return [match for match in found(connection, keys) if match.contacts]


def inventing_the_missing(connection, keys):
    ghost = Contact(connection=connection.name, id="ghost")
    return [
        match if match.contacts else ContactMatch(key=match.key, contacts=(ghost,)) for match in found(connection, keys)
    ]


def deaf_to_opt_outs(connection, keys):
    return [
        match.model_copy(update={"contacts": tuple(c.model_copy(update={"opted_out": False}) for c in match.contacts)})
        for match in found(connection, keys)
    ]


def opting_everybody_out(connection, keys):
    return [
        match.model_copy(update={"contacts": tuple(c.model_copy(update={"opted_out": True}) for c in match.contacts)})
        for match in found(connection, keys)
    ]


def of_a_foreign_connection(connection, keys):
    return [
        match.model_copy(
            update={"contacts": tuple(c.model_copy(update={"connection": "acme"}) for c in match.contacts)}
        )
        for match in found(connection, keys)
    ]


def only_addresses(connection, keys):
    return [match if match.key.kind == "email" else ContactMatch(key=match.key) for match in found(connection, keys)]


def always_asking(connection, keys):
    connection.http.call("GET", "/me", action="find_contacts", idempotent=True)
    return found(connection, keys)


@pytest.mark.parametrize(
    ("find", "check"),
    [
        (in_another_order, PEOPLE),
        (leaving_the_missing_out, PEOPLE),
        (inventing_the_missing, PEOPLE),
        (inventing_the_missing, AGAIN),
        (deaf_to_opt_outs, PEOPLE),
        (opting_everybody_out, PEOPLE),
        (of_a_foreign_connection, PEOPLE),
        (only_addresses, AGAIN),
        (always_asking, NOBODY),
    ],
)
def test_finding_people_wrongly(contract, changed, findings, find, check):
    assert findings(contract(changed(nps_find_contacts=find)), check)


def replaying_history(connection, cursor):
    return acme.nps_poll_events(connection, cursor or "1")


def finding_nothing(connection, cursor):
    return EventPage(cursor=cursor or "1")


def never_ending(connection, cursor):
    return acme.nps_poll_events(connection, cursor).model_copy(update={"more": True})


def keys_of_its_own(connection, cursor):
    page = acme.nps_poll_events(connection, cursor)
    events = tuple(event.model_copy(update={"key": f"polled:{event.key}"}) for event in page.events)
    return page.model_copy(update={"events": events})


def keys_of_the_moment(connection, cursor):
    page = acme.nps_poll_events(connection, cursor)
    events = tuple(event.model_copy(update={"key": str(connection.random.random())}) for event in page.events)
    return page.model_copy(update={"events": events})


@pytest.mark.parametrize(
    ("poll", "check"),
    [
        (replaying_history, HISTORY),
        (finding_nothing, POLLS),
        (never_ending, POLLS),
        (keys_of_the_moment, POLLS),
        (keys_of_its_own, MEET),
        (finding_nothing, MEET),
    ],
)
def test_polling_wrongly(contract, changed, findings, poll, check):
    assert findings(contract(changed(nps_poll_events=poll)), check)


def completed(connection, events):
    return acme.nps_complete_events(connection, events, [])


def in_reverse(connection, events, fields):
    return list(reversed(completed(connection, events)))


def without_people(connection, events, fields):
    return list(events)


def only_the_first(connection, events, fields):
    return completed(connection, events)[:1]


@pytest.mark.parametrize("complete", [in_reverse, without_people, only_the_first])
def test_completing_wrongly(contract, changed, findings, complete):
    assert findings(contract(changed(nps_complete_events=complete)), COMPLETE)


@pytest.mark.parametrize(
    "results",
    [
        [],
        [Finding(severity="error", text="something is wrong", fix="mend it")],
        [Finding(severity="warning", text="something is odd")],
    ],
)
def test_checking_wrongly(contract, changed, findings, results):
    assert findings(contract(changed(nps_check=lambda connection: results)), CHECK)


def test_a_warning_with_its_fix_is_fine(contract, changed, findings):
    right = changed(nps_check=lambda connection: [Finding(severity="warning", text="odd", fix="mend it")])
    assert findings(contract(right), CHECK) == []


class Forgetful(SimulatedAcme):
    def post_fields(self, request):
        self.fields.append("another-name")
        return super().get_fields(request)


def test_a_set_up_that_never_ends(contract, findings):
    assert "left something missing" in findings(contract(acme, vendor=Forgetful), SET_UP)[0]


def test_a_set_up_that_does_what_nobody_planned(contract, changed, findings):
    def nps_apply_setup(connection, changes):
        acme.nps_apply_setup(connection, changes)
        return [acme.SetupChange(id="field:other", change="create", text="create the field other")]

    assert findings(contract(changed(nps_apply_setup=nps_apply_setup)), SET_UP)
