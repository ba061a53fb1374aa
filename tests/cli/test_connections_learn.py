"""`nps-connect connections learn`: a mapping as TOML, tried at once against a temporary database."""

import json
import tomllib

import pytest
from support.shop import environment, write_page_configuration

PLUGINS = "email,hubspot,review_link,webhook,zendesk"


@pytest.fixture
def learn(cli):
    """Runs the command with the configuration of docs/sources.md."""

    def run(name, *samples, edit=str, options=()):
        write_page_configuration(cli.folder, edit)
        return cli("connections", "learn", name, *samples, *options, plugins=PLUGINS, **environment())

    run.folder = cli.folder
    return run


def test_the_proposal_is_printed_as_toml_and_the_trial_on_standard_error(learn):
    result = learn("shop", "samples/woocommerce-order-updated.json", "samples/calendly-invitee-created.json")
    assert result.code == 0, result.err
    mappings = tomllib.loads(result.out)["connections"]["shop"]["incoming"]["mappings"]
    assert [mapping["kind"] for mapping in mappings] == ["order.completed", "appointment.completed"]
    assert mappings[0]["sample"] == "samples/woocommerce-order-updated.json"
    assert "event: order.completed 4711, 2026-03-04T13:30:00+00:00, 1 person" in result.err
    assert "tried: 2 events, 0 added by a resend, 0 by another order; 0 forged webhooks accepted" in result.err
    assert "example.com" not in result.err
    assert sorted(path.name for path in learn.folder.iterdir()) == ["nps-connect.toml", "samples"]


def test_the_proposal_is_a_valid_configuration(learn):
    proposal = learn("shop", "samples/shopify-fulfillments-update.json").out

    def replace_mappings(text):
        head, _, tail = text.partition("[[connections.shop.incoming.mappings]]")
        return (
            head
            + proposal
            + "\n[connections.mail]"
            + tail.partition("[connections.mail]")[2].replace("country == 'FR'", "country == 'DE'")
        )

    assert learn("shop", "samples/shopify-fulfillments-update.json", edit=replace_mappings).code == 0


def test_a_connection_without_mappings_can_learn(learn):
    def without_mappings(text):
        head, _, tail = text.partition("[[connections.shop.incoming.mappings]]")
        tail = "[connections.mail]" + tail.partition("[connections.mail]")[2]
        start, _, routes = tail.partition("[[triggers]]")
        return head + start + "[[routes]]" + routes.partition("[[routes]]")[2]

    result = learn("shop", "samples/shopify-orders-paid.json", edit=without_mappings, options=["--json"])
    output = json.loads(result.out)
    assert (result.code, output["trial"]["ok"], output["unread"]) == (0, True, [])
    [event] = output["trial"]["events"]
    assert (event["kind"], event["people"]) == ("order.paid", 1)


def test_two_states_of_one_order_that_become_one_event_are_named_by_proposal_and_trial(learn):
    order = {"id": 1, "completed_at": "2026-03-02T09:00:00Z", "email": "lea@example.com"}
    for name, status in (("a.json", "completed"), ("b.json", "closed")):
        (learn.folder / name).write_text(json.dumps({**order, "status": status}))
    result = learn("shop", "a.json", "b.json", options=["--json"])
    output = json.loads(result.out)
    assert (result.code, output["trial"]["ok"], output["trial"]["lost"]) == (1, False, ["b.json"])
    assert output["problems"] == ["a.json and b.json become one event, order.completed 1: the second is lost"]


def test_triggers_and_routes_are_not_needed(learn):
    result = learn("shop", "samples/shopify-orders-paid.json", edit=lambda text: text.partition("[[routes]]")[0])
    assert result.code == 0, result.err
    source_only = learn(
        "shop",
        "samples/shopify-orders-paid.json",
        edit=lambda text: text.partition("[[connections.shop.incoming.map")[0],
    )
    assert source_only.code == 0, source_only.err


def test_a_payload_without_a_person_has_no_proposal(learn):
    (learn.folder / "ping.json").write_text('{"type": "ping"}')
    result = learn("shop", "ping.json")
    assert (result.code, result.out) == (1, "")
    assert "no proposal for ping.json" in result.err
    assert "problem: ping.json: no e-mail address was found; write the mapping by hand" in result.err


def test_an_order_that_comes_twice_with_other_content_is_lost_and_named(learn):
    paid = {"type": "order.paid", "id": 1, "paid_at": "2026-03-02T09:00:00Z", "email": "lea@example.com"}
    for name, content in {
        "a.json": paid,
        "b.json": {**paid, "tip": 2, "type": "order.paid"},
        "c.json": {**paid, "id": 2},
    }.items():
        (learn.folder / name).write_text(json.dumps(content))
    result = learn("shop", "a.json", "c.json")
    assert result.code == 0, result.err
    result = learn("shop", "a.json", "b.json")
    assert result.code == 1
    assert "a.json, b.json: no id of the object was found that differs between samples" in result.err


@pytest.mark.parametrize(
    ("name", "sample", "sentence"),
    [
        ("crm", "samples/shopify-orders-paid.json", "plugin hubspot of connection crm needs no mappings"),
        ("shpo", "samples/shopify-orders-paid.json", "shop"),
        ("shop", "missing.json", "missing.json cannot be read: No such file or directory"),
        ("shop", "nps-connect.toml", "nps-connect.toml is not a JSON file"),
    ],
)
def test_what_cannot_be_learned_is_refused(learn, name, sample, sentence):
    result = learn(name, sample)
    assert result.code in (1, 2)
    assert sentence in result.err
