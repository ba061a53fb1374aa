"""`connections check`: the scheme, the kinds, and a warning about a secret without a signature."""

from support.builtin_webhook import build_connection

from nps_connect import Connection
from nps_connect.builtin import webhook
from nps_connect.builtin.webhook.settings import WebhookSettings

SIGNED = {"scheme": "hmac-sha1", "header": "X-Signature", "secrets": ["the-secret-of-the-shop"]}


def test_a_signed_source_is_fine():
    findings = webhook.nps_check(build_connection(signature=SIGNED))
    assert [(finding.severity, finding.text) for finding in findings] == [
        ("ok", "webhooks are verified by hmac-sha1"),
        ("ok", "mapped to: order.paid"),
    ]


def test_a_secret_without_a_signature_is_a_warning():
    [warning, _] = webhook.nps_check(build_connection())
    assert (warning.id, warning.severity) == ("webhooks-unrestricted", "warning")


def test_a_connection_without_webhooks_has_the_well_known_kinds_or_its_own():
    info = webhook.nps_connector()
    assert "order.delivered" in {kind.name for kind in info.event_kinds(WebhookSettings(plugin="webhook"))}
    settings = WebhookSettings(plugin="webhook", events="api", kinds={"course.finished": {"grade": "number"}})
    [kind] = info.event_kinds(settings)
    assert (kind.name, kind.fields) == ("course.finished", {"grade": "number"})
    [finding] = webhook.nps_check(Connection(name="shop", settings=settings))
    assert finding.severity == "ok"
