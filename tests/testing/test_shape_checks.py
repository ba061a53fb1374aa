"""Each check of shape and settings finds the plugin that is wrong in that respect, and only says so then."""

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


def test_a_misspelt_hook(contract, changed, findings):
    wrong = contract(changed(nps_open_ticket=lambda connection: None))
    assert "nps_open_tickets" in findings(wrong, "test_the_loader_takes_it")[0]


def test_a_connector_that_cannot_describe_itself_fails_in_a_check_and_not_at_collection(contract, changed, findings):
    def nps_connector():
        raise RuntimeError("no licence")

    wrong = contract(changed(nps_connector=nps_connector))
    assert "no licence" in findings(wrong, "test_the_loader_takes_it")[0]
    assert wrong.test_faults is None


def test_an_entry_point_of_another_name(contract, changed, findings):
    wrong = contract(changed(info={"name": "acne"}))
    assert "entry points named 'acne' lead to []" in findings(wrong, "test_its_entry_point_has_its_name")[0]


def test_a_contradicting_annotation(contract, changed, findings):
    def nps_open_tickets(connection: Connection, drafts: dict[str, TicketDraft]) -> bool:
        return []

    [finding] = findings(
        contract(changed(nps_open_tickets=nps_open_tickets)), "test_its_annotations_agree_with_the_hooks"
    )
    assert "nps_open_tickets takes drafts" in finding
    assert "is annotated to return <class 'bool'>" in finding


def test_annotations_that_exist_only_for_type_checkers(changed):
    def nps_check(connection: "NotImported"): ...  # noqa: F821

    [problem] = annotation_problems(changed(nps_check=nps_check))
    assert "import their names outside of TYPE_CHECKING" in problem


@pytest.mark.parametrize(
    ("one", "other", "fits"),
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
def test_what_an_annotation_allows(one, other, fits):
    assert is_narrower(one, other) is fits


DECLARATIONS = {
    "an action without its hook": (
        {"actions": (*acme.nps_connector().actions, ActionInfo(action="send_alert", doubt="resend"))},
        "declares the action 'send_alert', but has no nps_send_alerts",
    ),
    "a hook without its action": (
        {"actions": ()},
        "has nps_open_tickets, but does not declare the action 'open_ticket'",
    ),
    "an action twice": ({"actions": acme.nps_connector().actions * 2}, "declares an action twice"),
    "webhooks that are not declared": ({"webhooks": False}, "declares webhooks=False, but has nps_verify_webhook"),
    "a channel that cannot send": ({"channel": True}, "declares channel=True, but lacks nps_send_messages"),
    "no kinds of event": ({"events": ()}, "declares no kind of event"),
    "no general quota": ({"quotas": (Quota(name="search", calls=1, seconds=1),)}, "no quota named 'general'"),
    "one quota twice": ({"quotas": acme.nps_connector().quotas * 2}, "two quotas with one name"),
}


@pytest.mark.parametrize(("info", "problem"), DECLARATIONS.values(), ids=DECLARATIONS)
def test_declarations_that_do_not_agree_with_the_hooks(contract, changed, findings, info, problem):
    assert problem in findings(contract(changed(info=info)), "test_it_declares_what_it_has")[0]


def test_looking_without_a_hook_to_look_with(contract, changed, findings):
    wrong = contract(changed(nps_find_existing=None))
    assert "has no nps_find_existing" in findings(wrong, "test_it_declares_what_it_has")[0]


def test_a_review_platform_without_a_policy(contract, changed, findings):
    wrong = changed(nps_review_destination=lambda connection: None)
    assert "declares no review_policy" in findings(contract(wrong), "test_it_declares_what_it_has")[0]
    policy = ReviewPolicy(rule="free", reason="it says so", source="https://example.com/policy")
    right = changed(info={"review_policy": lambda _settings: policy}, nps_review_destination=lambda connection: None)
    assert findings(contract(right), "test_it_declares_what_it_has") == []


def test_a_description_that_changes(contract, changed, findings):
    numbers = count()

    @hookimpl
    def nps_connector():
        kinds = (EventKind(name="deal.won", description=f"call {next(numbers)}"),)
        return acme.nps_connector().model_copy(update={"events": kinds})

    assert findings(contract(changed(nps_connector=nps_connector)), "test_it_describes_itself_the_same_twice")


EXAMPLES = {
    "not TOML": ({"table": "[connections.crm"}, "is not TOML"),
    "another connection": ({"connection": "helpdesk"}, "has no [connections.helpdesk] table"),
    "another plugin": ({"table": '[connections.crm]\nplugin = "acne"'}, "plugin = 'acne', not 'acme'"),
    "an unknown variable": ({"environment": {"ACME_TOKEN": "x"}}, "refers to ACME_SECRET"),
    "a refused table": ({"table": '[connections.crm]\nplugin = "acme"'}, "refused by the settings model"),
    "routes over another connection": (
        {"routes": '[[routes]]\non = "any"\ndo = "write_score"\nvia = "other"'},
        "routes name another connection than 'crm'",
    ),
}


@pytest.mark.parametrize(("change", "problem"), EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_that_does_not_work(contract, changed, findings, change, problem):
    example = ExampleConfiguration(**{**EXAMPLE.model_dump(), **change})
    wrong = contract(changed(info={"example": example}))
    assert problem in findings(wrong, "test_its_example_configuration_works")[0]


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
def test_imports_that_a_plugin_should_not_need(contract, changed, findings, tmp_path, line, problem):
    package = tmp_path / "package"
    (package / "deeper").mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from nps_connect import hookimpl\nimport time, json, httpx\nfrom . import deeper\n"
    )
    wrong = changed()
    wrong.__file__ = str(package / "__init__.py")
    assert import_problems(wrong, speaks_http=True) == []
    (package / "deeper" / "calls.py").write_text(line)
    [finding] = findings(contract(wrong), "test_it_imports_only_what_a_plugin_needs")
    assert problem in finding
    assert "calls.py, line" in finding


def test_imports_with_a_good_reason_can_be_allowed(contract, changed, findings, tmp_path):
    (tmp_path / "alone.py").write_text("import threading\n")
    wrong = changed()
    wrong.__file__ = str(tmp_path / "alone.py")
    del wrong.__path__
    allowing = contract(wrong, allowed_imports={"threading"})
    assert findings(contract(wrong), "test_it_imports_only_what_a_plugin_needs")
    assert findings(allowing, "test_it_imports_only_what_a_plugin_needs") == []


def test_the_simulated_vendor_may_import_what_it_likes(changed, tmp_path):
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "simulated.py").write_text("import threading\n")
    plugin = changed()
    plugin.__file__ = str(tmp_path / "__init__.py")
    assert import_problems(plugin, speaks_http=True) == []


class Forgiving(AcmeSettings):
    model_config = ConfigDict(extra="allow")


class Defaulted(ConnectionSettings):
    token: SecretStr = SecretStr("a-default-token")
    webhook_secret: SecretStr = SecretStr("a-default-secret")


class Open(ConnectionSettings):
    token: str
    webhook_secret: SecretStr


class Telling(AcmeSettings):
    model_config = ConfigDict(hide_input_in_errors=False)


class Showing(AcmeSettings):
    def __repr__(self):
        return f"token={self.token.get_secret_value()}"


@pytest.mark.parametrize(
    ("model", "check"),
    [
        (Forgiving, "test_unknown_settings_are_refused"),
        (Defaulted, "test_missing_settings_are_refused"),
        (Open, "test_secrets_are_declared_as_secrets"),
        (Telling, "test_secrets_never_show"),
        (Showing, "test_secrets_never_show"),
    ],
)
def test_settings_that_are_careless(contract, changed, findings, model, check):
    assert findings(contract(acme), check) == []
    assert findings(contract(changed(info={"settings": model})), check)


def test_secrets_too_short_to_recognise(contract, findings):
    short = contract(acme, settings={"token": "abc", "webhook_secret": "12345678"})
    assert "8 characters or more" in findings(short, "test_secrets_are_declared_as_secrets")[0]


def test_checks_that_do_not_apply_are_not_there(contract, changed):
    small = contract(changed(nps_verify_webhook=None, nps_poll_events=None), vendor=None)
    assert small.test_golden_webhooks_are_believed_and_read is None
    assert small.test_the_first_poll_never_replays_history is None
    assert small.test_faults is None
    assert contract(acme).test_faults is not None
