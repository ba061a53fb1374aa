"""A call reaches exactly one plugin, and a result that violates the contract is rejected."""

import pytest

from nps_connect.connection import Connection
from nps_connect.errors import DeliveryError, PluginError, Rejected, RetryLater, WebhookRejected
from nps_connect.plugins import Plugins
from nps_connect.records.deliveries import Receipt

CRM = Connection("crm", settings=None)


@pytest.fixture
def acme(plugin):
    """Plugins with the given lines as `acme`, and a `zebra` that rejects everything."""

    def make(lines):
        plugins = Plugins()
        plugins.register(plugin(lines), "acme")
        zebra = (
            "@hookimpl\ndef nps_open_tickets(): raise RuntimeError('zebra')\n"
            "@hookimpl\ndef nps_veto_survey(): raise RuntimeError('zebra')\n"
        )
        plugins.register(plugin(zebra, name="zebra"), "zebra")
        return plugins

    return make


def answering(expression):
    return f"@hookimpl\ndef nps_open_tickets(connection, drafts): return {expression}"


def test_only_the_named_plugin_is_called(acme):
    plugins = acme(answering("[Receipt(id=connection.name)]"))
    assert plugins.call("acme", "nps_open_tickets", connection=CRM, drafts=[1]) == [Receipt(id="crm")]


def test_calling_a_hook_that_the_plugin_does_not_implement(acme):
    with pytest.raises(PluginError, match="plugin 'acme': does not implement nps_check"):
        acme("").call("acme", "nps_check", connection=CRM)


def test_the_error_for_an_unknown_plugin_suggests_the_nearest_name(acme):
    with pytest.raises(PluginError, match="plugin 'acne': is not loaded; did you mean 'acme'"):
        acme("").call("acne", "nps_check", connection=CRM)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("None", "nps_open_tickets answered nothing, expected a list of Receipt or DeliveryError"),
        ("Receipt(id='1')", "answered a Receipt, expected a list"),
        ("'text'", "answered a str, expected a list"),
        ("(Receipt(id=str(d)) for d in drafts)", "answered a generator, expected a list"),
        ("[None]", "a list holding nothing, expected Receipt or DeliveryError"),
        ("[Rejected]", "a list holding a type"),
        ("[ValueError('x')]", "a list holding a ValueError"),
    ],
)
def test_a_result_of_the_wrong_type_is_rejected(acme, expression, reason):
    with pytest.raises(PluginError, match=f"plugin 'acme': .*{reason}"):
        acme(answering(expression)).call("acme", "nps_open_tickets", connection=CRM, drafts=[1])


def test_none_is_accepted_where_the_hook_allows_it(acme):
    plugins = acme("@hookimpl\ndef nps_find_existing(connection, delivery): return None")
    assert plugins.call("acme", "nps_find_existing", connection=CRM, delivery=None) is None


def test_a_verification_that_returns_false_is_rejected(acme):
    plugins = acme("@hookimpl\ndef nps_verify_webhook(connection, request): return False")
    with pytest.raises(PluginError, match="answered a bool where nothing is expected"):
        plugins.call("acme", "nps_verify_webhook", connection=CRM, request=None)


@pytest.mark.parametrize("error", [Rejected("no"), WebhookRejected("stale"), ZeroDivisionError("bug")])
def test_exceptions_of_the_hook_propagate(acme, error):
    plugins = acme("@hookimpl\ndef nps_check(connection): raise connection")
    with pytest.raises(type(error)) as raised:
        plugins.call("acme", "nps_check", connection=error)
    assert raised.value is error


def test_deliver_returns_one_outcome_per_item_in_order(acme):
    plugins = acme(answering("[Receipt(id='1'), Rejected('no'), Receipt(id='3')]"))
    first, second, third = plugins.deliver("acme", "nps_open_tickets", CRM, ["a", "b", "c"])
    assert (first, third) == (Receipt(id="1"), Receipt(id="3"))
    assert isinstance(second, Rejected)
    assert second.connection == "crm"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_wrong_number_of_outcomes_is_rejected(acme, count):
    plugins = acme(answering(f"[Receipt(id='1')] * {count}"))
    with pytest.raises(PluginError, match=f"answered {count} outcomes for 2 items"):
        plugins.deliver("acme", "nps_open_tickets", CRM, ["a", "b"])


def test_a_raised_delivery_error_is_the_outcome_of_the_whole_batch(acme):
    plugins = acme("@hookimpl\ndef nps_write_scores(updates): raise RetryLater('busy')")
    outcomes = plugins.deliver("acme", "nps_write_scores", CRM, ["a", "b"])
    assert [type(outcome) for outcome in outcomes] == [RetryLater, RetryLater]
    assert all(isinstance(outcome, DeliveryError) and outcome.connection == "crm" for outcome in outcomes)


def test_other_exceptions_of_a_delivery_hook_propagate(acme):
    plugins = acme("@hookimpl\ndef nps_write_scores(updates): return updates[9]")
    with pytest.raises(IndexError):
        plugins.deliver("acme", "nps_write_scores", CRM, ["a"])


@pytest.mark.parametrize(
    ("hook", "argument"),
    [
        ("nps_send_messages", "messages"),
        ("nps_write_scores", "updates"),
        ("nps_write_opt_outs", "opt_outs"),
        ("nps_open_tickets", "drafts"),
        ("nps_update_tickets", "updates"),
        ("nps_send_alerts", "alerts"),
    ],
)
def test_each_delivery_hook_receives_its_items_under_its_parameter_name(acme, hook, argument):
    plugins = acme(f"@hookimpl\ndef {hook}({argument}): return [Receipt(id=item) for item in {argument}]")
    assert plugins.deliver("acme", hook, CRM, ["a"]) == [Receipt(id="a")]


def test_call_each_yields_failures_as_values(acme):
    plugins = acme("@hookimpl\ndef nps_veto_survey(contact): return None")
    answers = dict(plugins.call_each("nps_veto_survey", event=None, contact=None, survey=None))
    assert answers["acme"] is None
    assert isinstance(answers["zebra"], RuntimeError)


def test_call_each_yields_a_plugin_error_for_a_result_of_the_wrong_type(acme):
    plugins = acme("@hookimpl\ndef nps_veto_survey(contact): return 'no'")
    answers = dict(plugins.call_each("nps_veto_survey", event=None, contact=None, survey=None))
    assert "answered a str, expected Veto or nothing" in str(answers["acme"])


def test_call_each_calls_only_plugins_with_the_hook(acme):
    assert list(acme("").call_each("nps_check", connection=CRM)) == []
