"""Checks the mail server, whether it would send our mail, and the sender's domain, without sending anything."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect import Connection, Finding, NotAllowed, hookimpl
from nps_connect.builtin.email.addresses import EmailAddress, split_sender
from nps_connect.builtin.email.bounce_mailbox import check_mailbox
from nps_connect.builtin.email.errors import error_for_loss, error_for_refusal
from nps_connect.builtin.email.messages import ehlo_hostname
from nps_connect.builtin.email.relay import Relay
from nps_connect.builtin.email.sender_domain import check_sender_domain
from nps_connect.builtin.email.settings import EmailSettings
from nps_connect.builtin.email.smtp_session import SmtpConnectionLost, SmtpRefused, SmtpSession

FIXES = {
    "CONNECT": "check host and port in smtp_url, and that this machine may reach them",
    "EHLO": "check that smtp_url names a mail server for sending (not a mailbox server)",
    "STARTTLS": "use a relay that encrypts, with a certificate that this machine trusts (SSL_CERT_FILE names own CAs)",
    "AUTH": "correct user and password in smtp_url; special characters must be percent-encoded",
    "MAIL": "let the mail server accept the sender, or correct the setting sender",
    "RCPT": "let the mail server send our mail to other domains: usually smtp_url needs a login, or another sender",
}
PROBE_RECIPIENT = EmailAddress.parse("postmaster@example.net")
"""Of another domain than ours (RFC 2606); no mail is sent to it."""
ENCRYPTION_REQUIRED_CODES = (504, 530, 538)
"""504 is ours: without encryption such servers offer no login method."""

STARTTLS_FIX = "the server wants encryption before the login: end smtp_url with ?starttls=required"


@hookimpl
def nps_check(connection: Connection[EmailSettings]) -> Sequence[Finding]:
    """Connect, encrypt, log in, and name sender and recipient; open the bounce mailbox; ask DNS about the sender."""
    settings = connection.settings
    mailbox = check_mailbox(connection)
    domain = split_sender(settings.sender)[1].domain.lower()
    return [*_check_relay(connection), *([mailbox] if mailbox is not None else []), *check_sender_domain(domain)]


def _check_relay(connection: Connection[EmailSettings]) -> list[Finding]:
    settings = connection.settings
    relay = settings.relay
    try:
        with SmtpSession(relay, ehlo_hostname(connection.public_url), settings.timeout) as session:
            session.open()
            session.noop()
            encryption = session.encryption
            refusal = _find_refusal(session, settings, connection)
    except SmtpRefused as refused:
        finding = _error_finding(str(error_for_refusal(refused, relay, connection.clock())), refused.step)
        return [finding.model_copy(update={"fix": STARTTLS_FIX}) if _wants_starttls(refused, relay) else finding]
    except SmtpConnectionLost as lost:
        step = "STARTTLS" if "certificate" in lost.reason else lost.step
        return [_error_finding(str(error_for_loss(lost, relay)), step)]
    login = "the login works" if relay.user else "without a login"
    answer = Finding(severity="ok", text=f"{relay.address} answers, {encryption or 'not encrypted'}, {login}")
    findings = [answer, *([refusal] if refusal is not None else [])]
    if encryption is None and not relay.is_loopback:
        findings.append(
            Finding(
                id="mail-unencrypted",
                severity="warning",
                text=f"mail to {relay.host} travels unencrypted (allow_plain = true)",
                fix="add ?starttls=required to smtp_url or use smtps://, and remove allow_plain",
            )
        )
    return findings


def _find_refusal(
    session: SmtpSession, settings: EmailSettings, connection: Connection[EmailSettings]
) -> Finding | None:
    """Return that the server does not send mail for us or our sender; None if it does, or objects to the recipient."""
    try:
        session.probe(split_sender(settings.sender)[1], PROBE_RECIPIENT)
    except SmtpRefused as refused:
        error = error_for_refusal(refused, settings.relay, connection.clock())
        return _error_finding(str(error), refused.step) if isinstance(error, NotAllowed) else None
    return None


def _wants_starttls(refused: SmtpRefused, relay: Relay) -> bool:
    """Return whether a server refused the login because the connection is not encrypted (RFC 4954, section 4)."""
    if refused.step != "AUTH" or relay.encryption != "none":
        return False
    return refused.code in ENCRYPTION_REQUIRED_CODES or "starttls" in refused.text.casefold()


def _error_finding(text: str, step: str) -> Finding:
    return Finding(id="smtp-failing", severity="error", text=text, fix=FIXES.get(step))
