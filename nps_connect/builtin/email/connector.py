"""Describes the e-mail channel."""

from __future__ import annotations

from nps_connect import ActionInfo, ConnectorInfo, ExampleConfiguration, ExampleQuestion, Quota, hookimpl
from nps_connect.builtin.email.settings import EmailSettings

EXAMPLE = ExampleConfiguration(
    connection="mail",
    table="""\
[connections.mail]
plugin = "email"
smtp_url = { env = "SMTP_URL" }                 # smtp://user:password@host:587?starttls=required or smtps://...
sender = "Exemple SA <care@example.com>"        # what customers see; its domain should carry SPF and DKIM
reply_to = "care@example.com"                   # customers reply to it: somebody must read them
# per_minute = 60                               # customer mails in a minute at most
# bounces_url = { env = "BOUNCES_URL" }         # mailbox that receives bounces: imaps://user:password@host
""",
    environment={"SMTP_URL": "smtp://user:password@mail.example.com:587?starttls=required"},
    questions=(
        ExampleQuestion(key="sender", text="Sender that customers see"),
        ExampleQuestion(key="reply_to", text="Address to which customers reply"),
    ),
)


def operator_quotas(settings: EmailSettings) -> tuple[Quota, ...]:
    """Return the quota that the operator configured, if any."""
    return (Quota(calls=settings.per_minute, seconds=60.0),) if settings.per_minute else ()


@hookimpl
def nps_connector() -> ConnectorInfo:
    """Describe the channel."""
    return ConnectorInfo(
        name="email",
        title="E-mail",
        settings=EmailSettings,
        actions=(
            ActionInfo(action="send_fallback"),
            ActionInfo(action="send_case_reminder"),
            ActionInfo(action="send_survey"),
            ActionInfo(action="send_reminder"),
            ActionInfo(action="invite_review"),
            ActionInfo(action="send_alert"),
            ActionInfo(action="send_digest"),
        ),
        quotas_for=operator_quotas,
        records_handover=True,
        example=EXAMPLE,
    )
