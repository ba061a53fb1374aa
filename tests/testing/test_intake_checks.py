"""The intake checks find every wrong look-up, poll, completion, account check and setup."""

import pytest
from testing import acme
from testing.acme.simulated import SimulatedAcme

from nps_connect import CommentThemes, Contact, ContactMatch, EventPage, Finding

PEOPLE = "test_contacts_are_found_with_one_match_per_key_in_order"
BY_ID = "test_contacts_are_found_by_id"
NO_KEYS = "test_lookup_without_keys_sends_no_request"
HISTORY = "test_first_poll_returns_no_history"
POLLS = "test_polling_is_complete_and_repeatable"
ONE_KEY = "test_poll_and_webhook_have_the_same_event_key"
COMPLETE = "test_completed_events_keep_order_and_have_contacts"
COMMENTS = "test_classified_comments_keep_order_and_themes"
CHECK = "test_check_of_a_healthy_account_reports_no_error"
SETUP = "test_setup_is_idempotent"


@pytest.mark.parametrize("check", [PEOPLE, BY_ID, NO_KEYS, HISTORY, POLLS, ONE_KEY, COMPLETE, CHECK, SETUP])
def test_the_correct_plugin_passes(contract, findings, check):
    assert findings(contract(acme), check) == []


def find_contacts(connection, keys):
    return acme.nps_find_contacts(connection, keys)


def reordered(connection, keys):
    return sorted(find_contacts(connection, keys), key=lambda match: match.key.value)


def without_missing_contacts(connection, keys):
    return [match for match in find_contacts(connection, keys) if match.contacts]


def with_made_up_contacts(connection, keys):
    ghost = Contact(connection=connection.name, id="ghost")
    return [
        match if match.contacts else ContactMatch(key=match.key, contacts=(ghost,))
        for match in find_contacts(connection, keys)
    ]


def without_opt_outs(connection, keys):
    return [
        match.model_copy(update={"contacts": tuple(c.model_copy(update={"opted_out": False}) for c in match.contacts)})
        for match in find_contacts(connection, keys)
    ]


def with_everybody_opted_out(connection, keys):
    return [
        match.model_copy(update={"contacts": tuple(c.model_copy(update={"opted_out": True}) for c in match.contacts)})
        for match in find_contacts(connection, keys)
    ]


def with_another_connection(connection, keys):
    return [
        match.model_copy(
            update={"contacts": tuple(c.model_copy(update={"connection": "acme"}) for c in match.contacts)}
        )
        for match in find_contacts(connection, keys)
    ]


def by_email_only(connection, keys):
    return [
        match if match.key.kind == "email" else ContactMatch(key=match.key) for match in find_contacts(connection, keys)
    ]


def with_a_needless_request(connection, keys):
    connection.http.call("GET", "/me", action="find_contacts", idempotent=True)
    return find_contacts(connection, keys)


@pytest.mark.parametrize(
    ("find", "check"),
    [
        (reordered, PEOPLE),
        (without_missing_contacts, PEOPLE),
        (with_made_up_contacts, PEOPLE),
        (with_made_up_contacts, BY_ID),
        (without_opt_outs, PEOPLE),
        (with_everybody_opted_out, PEOPLE),
        (with_another_connection, PEOPLE),
        (by_email_only, BY_ID),
        (with_a_needless_request, NO_KEYS),
    ],
)
def test_a_wrong_contact_lookup_fails(contract, make_broken_plugin, findings, find, check):
    assert findings(contract(make_broken_plugin(nps_find_contacts=find)), check)


def poll_with_history(connection, cursor):
    return acme.nps_poll_events(connection, cursor or "1")


def poll_without_events(connection, cursor):
    return EventPage(cursor=cursor or "1")


def poll_without_end(connection, cursor):
    return acme.nps_poll_events(connection, cursor).model_copy(update={"more": True})


def poll_with_other_keys(connection, cursor):
    page = acme.nps_poll_events(connection, cursor)
    events = tuple(event.model_copy(update={"key": f"polled:{event.key}"}) for event in page.events)
    return page.model_copy(update={"events": events})


def poll_with_random_keys(connection, cursor):
    page = acme.nps_poll_events(connection, cursor)
    events = tuple(event.model_copy(update={"key": str(connection.random.random())}) for event in page.events)
    return page.model_copy(update={"events": events})


@pytest.mark.parametrize(
    ("poll", "check"),
    [
        (poll_with_history, HISTORY),
        (poll_without_events, POLLS),
        (poll_without_end, POLLS),
        (poll_with_random_keys, POLLS),
        (poll_with_other_keys, ONE_KEY),
        (poll_without_events, ONE_KEY),
    ],
)
def test_a_wrong_poll_fails(contract, make_broken_plugin, findings, poll, check):
    assert findings(contract(make_broken_plugin(nps_poll_events=poll)), check)


def complete_events(connection, events):
    return acme.nps_complete_events(connection, events, [])


def in_reverse(connection, events, fields):
    return list(reversed(complete_events(connection, events)))


def without_people(connection, events, fields):
    return list(events)


def only_the_first(connection, events, fields):
    return complete_events(connection, events)[:1]


@pytest.mark.parametrize("complete", [in_reverse, without_people, only_the_first])
def test_a_wrong_completion_fails(contract, make_broken_plugin, findings, complete):
    assert findings(contract(make_broken_plugin(nps_complete_events=complete)), COMPLETE)


@pytest.mark.parametrize(
    "results",
    [
        [],
        [Finding(severity="error", text="something is wrong", fix="fix it")],
        [Finding(severity="warning", text="something is odd")],
    ],
)
def test_a_wrong_account_check_fails(contract, make_broken_plugin, findings, results):
    assert findings(contract(make_broken_plugin(nps_check=lambda connection: results)), CHECK)


def test_a_warning_with_a_fix_passes(contract, make_broken_plugin, findings):
    correct = make_broken_plugin(nps_check=lambda connection: [Finding(severity="warning", text="odd", fix="fix it")])
    assert findings(contract(correct), CHECK) == []


class VendorThatLosesFields(SimulatedAcme):
    def post_fields(self, request):
        self.fields.append("another-name")
        return super().get_fields(request)


def test_a_setup_that_never_completes_fails(contract, findings):
    assert "still missing after the setup" in findings(contract(acme, vendor=VendorThatLosesFields), SETUP)[0]


def test_applying_changes_that_were_not_planned_fails(contract, make_broken_plugin, findings):
    def nps_apply_setup(connection, changes):
        acme.nps_apply_setup(connection, changes)
        return [acme.SetupChange(id="field:other", change="create", text="create the field other")]

    assert findings(contract(make_broken_plugin(nps_apply_setup=nps_apply_setup)), SETUP)


def by_words(comments):
    words = {"price": ("expensive", "cher"), "staff": ("staff",)}
    return [
        CommentThemes(themes=tuple(theme for theme, names in words.items() if any(name in c.text for name in names)))
        for c in comments
    ]


@pytest.mark.parametrize(
    ("classify", "problem"),
    [
        (by_words, None),
        (lambda comments: by_words(comments)[1:], "the number of results"),
        (lambda comments: sorted(by_words(comments), key=str), "order of the comments"),
        (lambda comments: [CommentThemes(themes=("delight",)) for _ in comments], "not offered: ['delight']"),
    ],
)
def test_a_wrong_classification_of_comments_is_found(contract, make_broken_plugin, findings, classify, problem):
    def nps_classify_comments(connection, comments, themes):
        return classify(comments)

    found = findings(contract(make_broken_plugin(nps_classify_comments=nps_classify_comments)), COMMENTS)
    assert (found == []) if problem is None else (problem in str(found))
