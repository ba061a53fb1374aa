"""nps_check: findings about the account, with their fixes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from nps_connect import AuthFailed, ContactFieldUse, FilterUse
from nps_connect.plugins import Plugins
from nps_connect_zendesk import nps_apply_setup, nps_check, nps_plan_setup
from nps_connect_zendesk.simulated import Simulated
from nps_connect_zendesk.simulated.access_control import API_TOKEN, AccessToken
from nps_connect_zendesk.simulated.resource_api import SECRET

WEBHOOK = {"events": "webhook", "webhook_secret": SECRET}


def findings_of(connection, severity=None):
    return [finding for finding in nps_check(connection) if severity in (None, finding.severity)]


def texts(findings):
    return " | ".join(finding.text for finding in findings)


def test_a_healthy_account_has_only_ok_findings(helpdesk):
    findings = findings_of(helpdesk())
    assert {finding.severity for finding in findings} == {"ok"}
    assert "authenticated as admin" in texts(findings)
    assert "699 of 700 calls left" in texts(findings)
    assert "setup is complete" in texts(findings)


def test_nps_check_only_reads(helpdesk, transport):
    nps_check(helpdesk(**WEBHOOK))
    assert {request.method for request in transport.requests} == {"GET"}


def test_every_finding_but_ok_has_a_fix(vendor, helpdesk):
    vendor.account.resources["user_fields"].clear()
    vendor.tokens.access["weak"] = AccessToken(("tickets:read", "users:read"))
    for finding in findings_of(helpdesk(access_token="weak", group="Nowhere", **WEBHOOK)):
        assert finding.severity == "ok" or finding.fix


class TestFilters:
    def test_fields_in_filters_are_compared_with_the_account(self, vendor, helpdesk):
        vendor.account.resources["ticket_fields"] = [
            {"id": 41, "type": "date", "title": "Delivered", "active": True},
            {"id": 42, "type": "decimal", "title": "Price", "active": True},
        ]
        fields = {"field_40": (), "field_41": ("text",), "field_42": ("number",), "due_at": ("text",), "due_ta": ()}
        use = FilterUse(trigger="late", on="ticket.solved", fields=fields)
        findings = [finding for finding in findings_of(replace(helpdesk(), filters=(use,))) if "'late'" in finding.text]
        assert [(finding.severity, finding.text.split("'")[3]) for finding in findings] == [
            ("error", "due_at"),
            ("error", "due_ta"),
            ("error", "field_40"),
            ("error", "field_41"),
        ]
        assert "moment" in findings[0].fix
        assert findings[1].fix == "write 'due_at'"

    def test_matching_filter_fields_are_an_ok_finding(self, helpdesk):
        use = FilterUse(trigger="late", on="ticket.solved", fields={"subject": ("text",)})
        assert "the ticket fields that filters name exist: subject" in texts(
            findings_of(replace(helpdesk(), filters=(use,)), "ok")
        )


class TestCredentials:
    def test_the_end_of_api_tokens_concerns_connections_that_use_one(self, helpdesk):
        (end,) = Plugins.load(only=["zendesk"]).vendor_ends("zendesk")
        assert (end.what, end.on) == ("API tokens", date(2027, 4, 30))
        assert "client_id" in end.fix
        assert end.concerns(helpdesk(email="agent@example.com", api_token=API_TOKEN).settings)
        assert not end.concerns(helpdesk().settings)

    def test_api_tokens_fail_after_their_end(self, helpdesk, clock):
        clock.forward(timedelta(days=430))
        with pytest.raises(AuthFailed):
            nps_check(helpdesk(email="agent@example.com", api_token=API_TOKEN))

    def test_missing_scopes_are_named(self, vendor, helpdesk):
        vendor.tokens.access["reader"] = AccessToken(("read",))
        (error,) = findings_of(helpdesk(access_token="reader"), "error")
        assert "tickets:write, users:write" in error.text

    @pytest.mark.parametrize(("days", "found"), [(15, False), (13, True), (0, True)])
    def test_a_fixed_token_that_expires_soon_is_a_warning(self, vendor, helpdesk, clock, days, found):
        scopes = ("read", "tickets:write", "users:write")
        vendor.tokens.access["reader"] = AccessToken(scopes, expires_at=clock() + timedelta(days=days, hours=1))
        warnings = findings_of(helpdesk(access_token="reader"), "warning")
        assert [f"({days} days)" in finding.text for finding in warnings if finding.id == "token-expiring"] == (
            [True] if found else []
        )

    def test_a_scope_that_one_part_needs_is_named(self, vendor, helpdesk):
        vendor.tokens.access["weak"] = AccessToken(("users:read", "tickets:read", "write"))
        errors = findings_of(helpdesk(access_token="weak"), "error")
        assert any("scope triggers:read, read" in error.fix for error in errors)

    def test_an_end_user_cannot_open_tickets_for_others(self, vendor, helpdesk):
        vendor.account.users[900]["role"] = "end-user"
        assert "only agents and admins" in texts(findings_of(helpdesk(), "error"))


def test_a_nearly_used_up_quota_is_a_warning(vendor, helpdesk, clock):
    vendor.limits.windows["account"] = (clock(), 650)
    assert "49 of 700" in texts(findings_of(helpdesk(), "warning"))


def test_missing_setup_names_the_command(clock, helpdesk, transport):
    empty = Simulated(clock, set_up=False)
    warnings = findings_of(helpdesk(at=empty, through=type(transport)(empty)), "warning")
    assert len(warnings) == 8
    assert {warning.fix for warning in warnings} == {"run 'nps-connect connections apply helpdesk'"}


def test_unknown_names_in_the_settings_are_errors(helpdesk):
    errors = findings_of(helpdesk(group="Nowhere", exclude={"forms": ["No form"]}), "error")
    assert [error.text for error in errors] == [
        "group: Zendesk has no group 'Nowhere'",
        "exclude.forms: Zendesk has no ticket form 'No form'",
    ]


def test_polling_needs_the_export(vendor, helpdesk):
    assert "export can be read" in texts(findings_of(helpdesk(events="poll"), "ok"))
    vendor.tokens.access["narrow"] = AccessToken(("tickets:read", "users:read", "triggers:read", "automations:read"))
    errors = findings_of(helpdesk(access_token="narrow", events="poll"), "error")
    assert any(error.text.startswith("export") for error in errors)


class TestWebhook:
    @pytest.fixture
    def connection(self, helpdesk):
        connection = helpdesk(**WEBHOOK)
        nps_apply_setup(connection, nps_plan_setup(connection))
        return connection

    def test_a_webhook_that_was_never_called_is_ok(self, connection):
        assert "was not called" in texts(findings_of(connection, "ok"))

    def test_the_last_call_is_reported(self, vendor, connection):
        vendor.webhooks(
            vendor.simulate_event("ticket.solved", "ada@example.com"), "https://nps.example.com/hooks/helpdesk"
        )
        assert "last call (2026-03-02 09:00" in texts(findings_of(connection, "ok"))

    def test_a_failed_last_call_is_a_warning(self, vendor, connection):
        vendor.account.resources["webhooks"][0]["_invocations"].append(
            {"id": "x", "latest_completed_at": "2026-03-02T08:00:00Z", "status": "failed", "status_code": 502}
        )
        (warning,) = findings_of(connection, "warning")
        assert "failed with 502" in warning.text

    def test_a_last_call_that_timed_out_is_a_warning(self, vendor, connection):
        vendor.event_log.record_invocation(vendor.account.resources["webhooks"][0], "x", "timeout", None)
        (warning,) = findings_of(connection, "warning")
        assert "failed with timeout" in warning.text

    def test_another_signing_secret_is_an_error_without_the_secret(self, vendor, connection):
        vendor.account.resources["webhooks"][0]["_secret"] = "renewed-by-an-admin"
        (error,) = findings_of(connection, "error")
        assert "webhook_secret is not the webhook's signing secret" in error.text
        assert "renewed-by-an-admin" not in repr(error)


class TestBusinessRules:
    NOTIFY = ({"field": "notification_user", "value": ["requester_id", "Received", "We have received it"]},)

    def rule(self, vendor, *, kind="triggers", actions=NOTIFY, conditions=(), **changes):
        rule = {
            "id": vendor.account.next_resource_id(),
            "title": "Notify requester of received request",
            "active": True,
            "actions": list(actions),
            "conditions": {"all": list(conditions), "any": []},
            **changes,
        }
        vendor.account.resources.setdefault(kind, []).append(rule)

    @pytest.mark.parametrize("kind", ["triggers", "automations"])
    def test_a_rule_that_notifies_the_requester_is_a_warning(self, vendor, helpdesk, kind):
        self.rule(vendor, kind=kind)
        (warning,) = findings_of(helpdesk(), "warning")
        assert "'Notify requester of received request' would notify the requester" in warning.text
        assert "nps_connect" in warning.fix

    @pytest.mark.parametrize(
        "harmless",
        [
            {"active": False},
            {"actions": ({"field": "notification_user", "value": ["assignee_id", "x", "y"]},)},
            {"actions": ({"field": "status", "value": "open"},)},
            {"conditions": ({"field": "current_tags", "operator": "not_includes", "value": "vip nps_connect"},)},
            {"conditions": ({"field": "comment_is_public", "operator": "is", "value": "true"},)},
            {"conditions": ({"field": "ticket_is_public", "operator": "is", "value": "public"},)},
        ],
    )
    def test_harmless_rules_have_no_finding(self, vendor, helpdesk, harmless):
        self.rule(vendor, **harmless)
        assert findings_of(helpdesk(), "warning") == []

    def test_rules_for_public_tickets_count_with_a_public_first_comment(self, vendor, helpdesk):
        self.rule(vendor, conditions=({"field": "comment_is_public", "operator": "is", "value": "true"},))
        assert len(findings_of(helpdesk(public_comment=True), "warning")) == 1


@pytest.mark.parametrize(
    ("field", "known"), [("nps_score", True), ("organization_id", True), ("account_manger", False)]
)
def test_a_contact_field_of_the_settings_that_users_lack_is_named(vendor, helpdesk, field, known):
    vendor.account.resources["user_fields"].append(
        {"id": 1, "key": "account_manager", "type": "text", "title": "Manager", "active": True}
    )
    use = ContactFieldUse(setting="cases.owner_field", field=field)
    findings = nps_check(replace(helpdesk(), contact_fields=(use,)))
    named = [finding.fix for finding in findings if "cases.owner_field" in finding.text]
    assert named == ([] if known else ["write 'account_manager'"])
