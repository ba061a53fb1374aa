"""Each shape and settings check fails for the plugin that is wrong in that respect, and only for that one."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from pydantic import ConfigDict, SecretStr
from testing import acme
from testing.acme import AcmeSettings

from nps_connect import (
    ActionInfo,
    Connection,
    ConnectionSettings,
    DeliveryError,
    EventKind,
    ExampleConfiguration,
    Quota,
    Receipt,
    ReviewPolicy,
    TicketDraft,
    hookimpl,
)
from nps_connect.testing.annotations import annotation_problems, is_narrower
from nps_connect.testing.import_checks import import_problems

EXAMPLE = acme.nps_connector().example


def test_a_misspelt_hook_fails(contract, make_broken_plugin, findings):
    wrong = contract(make_broken_plugin(nps_open_ticket=lambda connection: None))
    assert "nps_open_tickets" in findings(wrong, "test_plugin_loads")[0]


def test_a_failing_nps_connector_fails_in_a_check_and_not_at_collection(contract, make_broken_plugin, findings):
    def nps_connector():
        raise RuntimeError("no licence")

    wrong = contract(make_broken_plugin(nps_connector=nps_connector))
    assert "no licence" in findings(wrong, "test_plugin_loads")[0]
    assert wrong.test_faults is None


def test_an_entry_point_of_another_name_fails(contract, make_broken_plugin, findings):
    wrong = contract(make_broken_plugin(info={"name": "acne"}))
    assert "entry points named 'acne' lead to []" in findings(wrong, "test_entry_point_has_the_plugin_name")[0]


def test_a_contradicting_annotation_fails(contract, make_broken_plugin, findings):
    def nps_open_tickets(connection: Connection, drafts: dict[str, TicketDraft]) -> bool:
        return []

    [finding] = findings(
        contract(make_broken_plugin(nps_open_tickets=nps_open_tickets)), "test_annotations_match_the_hookspecs"
    )
    assert "nps_open_tickets takes drafts" in finding
    assert "is annotated to return <class 'bool'>" in finding


def test_annotations_only_for_type_checkers_fail(make_broken_plugin):
    def nps_check(connection: "NotImported"): ...  # noqa: F821

    [problem] = annotation_problems(make_broken_plugin(nps_check=nps_check))
    assert "import their names outside of TYPE_CHECKING" in problem


@pytest.mark.parametrize(
    ("narrow", "wide", "is_narrow_enough"),
    [
        (list[Receipt], Sequence[Receipt | DeliveryError], True),
        (tuple[Receipt, ...], Sequence[Receipt | DeliveryError], True),
        (list[str], Sequence[Receipt | DeliveryError], False),
        (list[Receipt | None], Sequence[Receipt | DeliveryError], False),
        (Receipt, Receipt | None, True),
        (Receipt | None, Receipt, False),
        (type(None), Receipt | None, True),
        (dict[str, int], Sequence[int], False),
        (Any, Receipt, True),
        (Receipt, object, True),
        (bool, int, True),
        (str, None, False),
    ],
)
def test_annotations_are_compared_by_type(narrow, wide, is_narrow_enough):
    assert is_narrower(narrow, wide) is is_narrow_enough


DECLARATIONS = {
    "an action without its hook": (
        {"actions": (*acme.nps_connector().actions, ActionInfo(action="send_alert"))},
        "declares the action 'send_alert', but has no nps_send_alerts",
    ),
    "a message on a connection that sends none": (
        {"actions": (*acme.nps_connector().actions, ActionInfo(action="send_reminder"))},
        "declares the action 'send_reminder', but has no nps_send_messages",
    ),
    "a hook without its action": (
        {"actions": ()},
        "has nps_open_tickets, but does not declare the action 'open_ticket'",
    ),
    "an action twice": (
        {"actions": acme.nps_connector().actions * 2},
        "declares an action twice",
    ),
    "a subscription without a sender": (
        {"webhook_subscription": lambda _settings: None},
        "subscribes to webhooks, but lacks nps_send_webhooks",
    ),
    "no kinds of event": ({"events": ()}, "declares no kind of event"),
    "no general quota": ({"quotas": (Quota(name="search", calls=1, seconds=1),)}, "no quota named 'general'"),
    "one quota twice": ({"quotas": acme.nps_connector().quotas * 2}, "two quotas with one name"),
}


@pytest.mark.parametrize(("info", "problem"), DECLARATIONS.values(), ids=DECLARATIONS)
def test_declarations_that_contradict_the_hooks_fail(contract, make_broken_plugin, findings, info, problem):
    assert problem in findings(contract(make_broken_plugin(info=info)), "test_declarations_match_the_hooks")[0]


def test_a_review_platform_without_a_policy_fails(contract, make_broken_plugin, findings):
    wrong = make_broken_plugin(nps_review_destination=lambda connection: None)
    assert "declares no review_policy" in findings(contract(wrong), "test_declarations_match_the_hooks")[0]
    policy = ReviewPolicy(rule="free", reason="it says so", source="https://example.com/policy")
    correct = make_broken_plugin(
        info={"review_policy": lambda _settings: policy}, nps_review_destination=lambda connection: None
    )
    assert findings(contract(correct), "test_declarations_match_the_hooks") == []


def test_connector_info_that_changes_fails(contract, make_broken_plugin, findings):
    numbers = count()

    @hookimpl
    def nps_connector():
        kinds = (EventKind(name="deal.won", description=f"call {next(numbers)}"),)
        return acme.nps_connector().model_copy(update={"events": kinds})

    assert findings(contract(make_broken_plugin(nps_connector=nps_connector)), "test_connector_info_is_constant")


EXAMPLES = {
    "not TOML": ({"table": "[connections.crm"}, "is not TOML"),
    "another connection": ({"connection": "helpdesk"}, "has no [connections.helpdesk] table"),
    "another plugin": ({"table": '[connections.crm]\nplugin = "acne"'}, "plugin = 'acne', not 'acme'"),
    "an unknown variable": ({"environment": {"ACME_TOKEN": "x"}}, "refers to ACME_SECRET"),
    "a rejected table": ({"table": '[connections.crm]\nplugin = "acme"'}, "settings model rejects the example"),
    "routes over another connection": (
        {"routes": '[[routes]]\non = "any"\ndo = "write_score"\nvia = "other"'},
        "routes name another connection than 'crm'",
    ),
}


@pytest.mark.parametrize(("change", "problem"), EXAMPLES.values(), ids=EXAMPLES)
def test_an_invalid_example_fails(contract, make_broken_plugin, findings, change, problem):
    example = ExampleConfiguration(**{**EXAMPLE.model_dump(), **change})
    wrong = contract(make_broken_plugin(info={"example": example}))
    assert problem in findings(wrong, "test_example_configuration_is_valid")[0]


IMPORTS = {
    "from nps_connect.http import VendorClient": "plugins use only names of nps_connect itself",
    "import nps_connect.ledger": "plugins use only names of nps_connect itself",
    "import requests": "calls go through connection.http",
    "import http.client": "calls go through connection.http",
    "from time import sleep": "belong to the worker",
    "import time\ntime.sleep(1)": "belong to the worker",
    "import threading": "belong to the worker",
    "import logging": "belong to the worker",
}


@pytest.mark.parametrize(("line", "problem"), IMPORTS.items())
def test_imports_of_non_public_modules_fail(contract, make_broken_plugin, findings, tmp_path, line, problem):
    package = tmp_path / "package"
    (package / "deeper").mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from nps_connect import hookimpl\nimport time, json, httpx\nfrom . import deeper\n"
    )
    wrong = make_broken_plugin()
    wrong.__file__ = str(package / "__init__.py")
    assert import_problems(wrong, speaks_http=True) == []
    (package / "deeper" / "calls.py").write_text(line)
    [finding] = findings(contract(wrong), "test_imports_only_the_public_api")
    assert problem in finding
    assert "calls.py, line" in finding


def test_imports_can_be_allowed_by_the_test_class(contract, make_broken_plugin, findings, tmp_path):
    (tmp_path / "alone.py").write_text("import threading\n")
    wrong = make_broken_plugin()
    wrong.__file__ = str(tmp_path / "alone.py")
    del wrong.__path__
    with_allowed_import = contract(wrong, allowed_imports={"threading"})
    assert findings(contract(wrong), "test_imports_only_the_public_api")
    assert findings(with_allowed_import, "test_imports_only_the_public_api") == []


def test_the_simulated_vendor_may_import_anything(make_broken_plugin, tmp_path):
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "simulated.py").write_text("import threading\n")
    plugin = make_broken_plugin()
    plugin.__file__ = str(tmp_path / "__init__.py")
    assert import_problems(plugin, speaks_http=True) == []


class LenientSettings(AcmeSettings):
    model_config = ConfigDict(extra="allow")


class SettingsWithDefaults(ConnectionSettings):
    token: SecretStr = SecretStr("a-default-token")
    webhook_secret: SecretStr = SecretStr("a-default-secret")


class SettingsWithPlainToken(ConnectionSettings):
    token: str
    webhook_secret: SecretStr


class SettingsWithInputInErrors(AcmeSettings):
    model_config = ConfigDict(hide_input_in_errors=False)


class SettingsWithTokenInRepr(AcmeSettings):
    def __repr__(self):
        return f"token={self.token.get_secret_value()}"


@pytest.mark.parametrize(
    ("model", "check"),
    [
        (LenientSettings, "test_unknown_settings_are_rejected"),
        (SettingsWithDefaults, "test_missing_settings_are_rejected"),
        (SettingsWithPlainToken, "test_secrets_are_declared_as_secrets"),
        (SettingsWithInputInErrors, "test_secrets_never_show"),
        (SettingsWithTokenInRepr, "test_secrets_never_show"),
    ],
)
def test_careless_settings_fail(contract, make_broken_plugin, findings, model, check):
    assert findings(contract(acme), check) == []
    assert findings(contract(make_broken_plugin(info={"settings": model})), check)


def test_secrets_that_are_too_short_fail(contract, findings):
    short = contract(acme, settings={"token": "abc", "webhook_secret": "12345678"})
    assert "at least 8 characters" in findings(short, "test_secrets_are_declared_as_secrets")[0]


def test_checks_that_do_not_apply_are_removed(contract, make_broken_plugin):
    small = contract(make_broken_plugin(nps_verify_webhook=None, nps_poll_events=None), vendor=None)
    assert small.test_genuine_webhooks_are_accepted_and_parsed is None
    assert small.test_first_poll_returns_no_history is None
    assert small.test_faults is None
    assert contract(acme).test_faults is not None
