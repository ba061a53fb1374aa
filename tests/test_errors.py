"""The exceptions: their hierarchy, attributes and texts."""

import inspect

import pytest

from nps_connect import errors
from nps_connect.errors import (
    REJECTION_STATUS,
    ConfigError,
    ConfigErrors,
    DeliveryError,
    NotAllowed,
    NpsConnectError,
    PluginError,
    RateLimited,
    RetryLater,
    WebhookRejected,
)

FAMILY = [
    error_class for _, error_class in inspect.getmembers(errors, inspect.isclass) if issubclass(error_class, Exception)
]
DELIVERY = [error_class for error_class in FAMILY if issubclass(error_class, DeliveryError)]


@pytest.mark.parametrize("kind", FAMILY)
def test_every_exception_is_an_nps_connect_error(kind):
    assert issubclass(kind, NpsConnectError)


def test_delivery_errors_have_distinct_kinds():
    kinds = {kind.kind for kind in DELIVERY}
    assert len(kinds) == len(DELIVERY)
    assert kinds == {
        "error",
        "retry_later",
        "rate_limited",
        "in_doubt",
        "auth_failed",
        "not_allowed",
        "setup_missing",
        "target_gone",
        "rejected",
        "undeliverable",
    }


@pytest.mark.parametrize("kind", DELIVERY)
def test_every_delivery_error_has_its_context(kind):
    error = kind(
        "no luck", connection="crm", action="write_score", status=400, request_id="r-1", exchange={"path": "/x"}
    )
    assert str(error) == error.message == "no luck"
    assert (error.connection, error.action, error.status, error.request_id) == ("crm", "write_score", 400, "r-1")
    assert error.exchange == {"path": "/x"}


def test_a_rate_limit_is_a_retry_later_with_its_quota():
    assert isinstance(RateLimited("slow down"), RetryLater)
    assert RateLimited("slow down").quota == "general"
    assert RateLimited("slow down").until is None


def test_not_allowed_names_the_missing_scope():
    assert NotAllowed("no", scope="tickets.write").scope == "tickets.write"


def test_a_config_error_contains_all_its_details():
    error = ConfigError(
        "no connection is called 'helpdsk'",
        where="nps-connect.toml",
        key="routes.2.via",
        allowed="crm, helpdesk",
        nearest="helpdesk",
        fix="correct the name",
    )
    assert str(error) == (
        "nps-connect.toml: routes.2.via: no connection is called 'helpdsk'; allowed: crm, helpdesk; "
        "did you mean 'helpdesk'?; correct the name"
    )
    assert str(ConfigError("no file")) == "no file"


def test_config_errors_have_one_line_each():
    both = ConfigErrors([ConfigError("one", key="a"), ConfigError("two", key="b")])
    assert both.sentence() == "a: one\nb: two"
    assert isinstance(both, ConfigError)


def test_a_plugin_error_names_the_plugin():
    error = PluginError("acme", "lacks nps_connector")
    assert (error.plugin, error.problem, str(error)) == (
        "acme",
        "lacks nps_connector",
        "plugin 'acme': lacks nps_connector",
    )


@pytest.mark.parametrize(("reason", "status"), REJECTION_STATUS.items())
def test_a_rejected_webhook_has_the_status_of_its_reason(reason, status):
    error = WebhookRejected(reason, "the header is missing")
    assert (error.status, str(error)) == (status, f"webhook rejected ({reason}): the header is missing")
    assert str(WebhookRejected(reason)) == f"webhook rejected ({reason})"
