"""The kinds of findings: what `doctor`, `status`, connection checks, the log and alerts may report.

A kind's id is stable: it is a heading of ``docs/findings.md``, and programs may compare it.
"""

from __future__ import annotations

from typing import NamedTuple


class FindingKind(NamedTuple):
    """What findings with one id have in common.

    Attributes:
        title: what is wrong, a few words.
        why: what follows if nobody acts, one or two sentences.
    """

    title: str
    why: str


_PAUSE_KINDS = {
    "auth": "credentials-refused",
    "not_allowed": "scope-missing",
    "setup": "property-missing",
    "plugin": "plugin-broken",
    "restored": "restored",
    "unknown_database": "restored",
}


def pause_kind(cause: str, scope: str) -> str:
    """Return the kind of finding by the cause and the scope of a pause.

    A receiver of webhooks grants no permissions: 403, 410 and redirects have a kind of their own there.
    """
    is_receiver: bool = cause == "not_allowed" and scope.endswith("/send_webhook")
    return "receiver-refuses" if is_receiver else _PAUSE_KINDS.get(cause, "paused")


FINDING_KINDS: dict[str, FindingKind] = {
    "account-mismatch": FindingKind(
        "Setting differs from the account", "Calls go to another account than intended, or are refused."
    ),
    "alert-address": FindingKind("Alert address unusable", "Nobody is alerted there of an unhappy customer."),
    "automation-mails-customers": FindingKind(
        "Vendor's automation would write to customers",
        "Customers get mail that nobody intended about tickets that we open.",
    ),
    "backup-old": FindingKind(
        "Backup missing or old", "What happened since the last backup is lost with the machine's disk."
    ),
    "bounce-mailbox-unread": FindingKind(
        "Bounce mailbox unread",
        "Dead mailboxes are mailed again, which mail providers punish by refusing mail to living ones.",
    ),
    "certificate-invalid": FindingKind(
        "Certificate invalid or expiring", "Browsers and vendors refuse the address; no answer and no webhook arrives."
    ),
    "check-timeout": FindingKind("Check not finished in time", "Its result is unknown."),
    "circuit-open": FindingKind(
        "Calls to a vendor are suspended", "Deliveries wait and are tried again automatically."
    ),
    "clock-skew": FindingKind(
        "Clock wrong", "Signed webhooks are refused, quiet hours shift, and moments are stored wrongly."
    ),
    "configuration-invalid": FindingKind("Configuration invalid", "No process starts with it."),
    "connection-check": FindingKind(
        "Result of a plugin's check", "The plugin reports it; what follows depends on the vendor."
    ),
    "connection-failing": FindingKind("Deliveries of a connection fail", "What it should have received waits."),
    "connection-unused": FindingKind("Connection unused", "It receives nothing and sends nothing."),
    "credentials-refused": FindingKind("Credentials refused", "Nothing reaches this account until they are renewed."),
    "daily-limit": FindingKind("Daily survey limit reached", "Further surveys wait for the next day."),
    "database-damaged": FindingKind("Database damaged", "Data may be lost, and more of it with every write."),
    "database-missing": FindingKind("Database missing", "Nothing can be recorded or sent."),
    "database-unreachable": FindingKind("Database unreachable", "Nothing can be recorded or sent."),
    "database-version": FindingKind(
        "Database of another version", "Commands and processes refuse it until it is upgraded."
    ),
    "deliveries-dead": FindingKind("Dead deliveries", "They are never tried again by themselves."),
    "deliveries-held": FindingKind("Held deliveries", "They wait for a decision."),
    "deliveries-in-doubt": FindingKind(
        "Deliveries in doubt", "Whether they took effect is unknown; nothing is sent twice, so they wait."
    ),
    "deliveries-overdue": FindingKind("Overdue deliveries", "They should have gone out by now."),
    "digest-unread": FindingKind("Digest without recipients", "Nobody reads the figures of this team or company."),
    "disk-low": FindingKind("Disk nearly full", "When it is full, nothing can be recorded and sending stops."),
    "effect-missing": FindingKind(
        "Route without its effect", "Scores, tickets, alerts or review invitations do not arrive."
    ),
    "effect-repeated": FindingKind("Effect repeated", "Customers or staff get the same thing twice."),
    "erasure-not-sent": FindingKind(
        "Erasures not sent to a receiver of webhooks", "An erased person's comments stay there unnoticed."
    ),
    "events-undecided": FindingKind("Events not decided", "Nobody is surveyed for them."),
    "example-value": FindingKind(
        "Example value left in place", "Customers would read an invented name, or mail would go to nobody."
    ),
    "expectation-failed": FindingKind(
        "Expectation not met", "The triggers or routes do something else than the operator wrote down."
    ),
    "figures-outdated": FindingKind(
        "Figures made with another configuration", "Reports by the changed groups or days lack earlier responses."
    ),
    "file-readable": FindingKind("Secrets readable by others", "Other users of this machine can read the secrets."),
    "filter-field": FindingKind("Filter names a field wrongly", "The trigger never fires, or for the wrong people."),
    "location-unknown": FindingKind("Location of a review page unknown", "These people get no review invitation."),
    "mail-unencrypted": FindingKind(
        "Mail sent without encryption", "Anybody on the way can read names, addresses and personal links."
    ),
    "name-unknown": FindingKind(
        "Setting names what the vendor does not have", "The trigger never fires, or the ticket is refused."
    ),
    "opt-out-ignored": FindingKind("Mail after an opt-out", "People who said no are mailed, which the law forbids."),
    "page-failing": FindingKind("Link of a mail fails", "Customers cannot answer."),
    "paused": FindingKind("Paused", "Due deliveries wait."),
    "people-held": FindingKind("People held by a trigger", "They are not surveyed until an operator decides."),
    "plugin-broken": FindingKind("Plugin not loaded", "Its connections do not work."),
    "plugin-incomplete": FindingKind("Plugin lacks or should change a hook", "Part of what it could do is not done."),
    "population-empty": FindingKind(
        "Population of a recurring survey empty", "Nobody is asked, although people may be due."
    ),
    "postal-address": FindingKind(
        "Postal address missing in mails", "Many countries require one; mail without it is a reason to complain."
    ),
    "property-missing": FindingKind("Fields missing at the vendor", "Scores cannot be written there."),
    "public-url": FindingKind(
        "Public address not reachable", "Customers cannot answer and vendors cannot report events."
    ),
    "public-url-insecure": FindingKind(
        "Public address without https", "Answers and addresses travel in clear; browsers warn, vendors refuse."
    ),
    "quiet-times-long": FindingKind(
        "Quiet times leave little time", "Mail waits for days, or its survey expires first."
    ),
    "signing-key-missing": FindingKind(
        "Signing key of erased people missing", "Erased people who come back with their address are contacted again."
    ),
    "quota-low": FindingKind("Vendor quota nearly used up", "Calls wait until the vendor's quota is renewed."),
    "receiver-refuses": FindingKind(
        "Receiver refuses webhooks", "It gets none until its address or the sender's right is set; they wait."
    ),
    "recipients-limited": FindingKind("Customer mail limited to some addresses", "Other customers are not surveyed."),
    "restored": FindingKind("Database restored from a backup", "Nothing is sent until its origin is confirmed."),
    "review-policy": FindingKind(
        "Review invitations restricted", "Review platforms forbid to ask only some customers, and remove reviews."
    ),
    "problem-late": FindingKind(
        "Problem past its deadline", "What makes customers unhappy goes on; no fix has been entered for it."
    ),
    "review-unused": FindingKind("Review platform unused", "Nobody is invited to review there."),
    "route-never-used": FindingKind("Route never used", "Its action never happens."),
    "score-down": FindingKind(
        "Score has gone down", "Something has changed for customers; more of them leave or say so in public."
    ),
    "scope-missing": FindingKind("Permission missing", "The vendor refuses the calls that need it."),
    "segment-without-route": FindingKind("Responses without an effect", "Nobody learns of them."),
    "secret-missing": FindingKind("Secret missing", "The connection that needs it cannot work."),
    "secret-weak": FindingKind(
        "Secret too weak",
        "It is easily guessed, and hidden wherever a message holds the same word.",
    ),
    "sender-domain": FindingKind("Sender domain not set up", "Mail goes to the spam folder or is refused."),
    "setup-missing": FindingKind("Set-up at the vendor incomplete", "Some features do not work there."),
    "shadow-mode": FindingKind("Shadow mode", "Decisions are recorded, nothing is sent."),
    "smtp-failing": FindingKind("Mail server fails", "No survey and no mail to staff goes out."),
    "storage-failing": FindingKind("Storage fails", "Nothing can be recorded; answers are refused."),
    "survey-not-delivered": FindingKind("Survey not delivered", "Customers are not asked."),
    "token-expiring": FindingKind("Access expires soon", "Nothing reaches this account afterwards."),
    "trigger-missing": FindingKind("No trigger", "Nobody is surveyed because of an event."),
    "trigger-never-fires": FindingKind("Trigger never fires", "Nobody is surveyed by it."),
    "unconfirmed-detractors": FindingKind(
        "Low scores not confirmed", "A customer who pressed a low score may wait for a call."
    ),
    "vendor-announcement": FindingKind("Announced end at the vendor", "Calls fail after the announced day."),
    "vendor-unreachable": FindingKind("Vendor not reachable", "Deliveries to it wait."),
    "webhook-silence": FindingKind("No events from a connection", "Customers whose events are lost are not surveyed."),
    "webhooks-failing": FindingKind("Vendor's calls to us fail", "Events arrive late, or never."),
    "webhooks-refused": FindingKind("Webhooks refused", "Refused events are lost unless a poll finds them."),
    "webhooks-unreadable": FindingKind("Webhooks unreadable", "They are kept, but nobody is surveyed for them."),
    "webhooks-unrestricted": FindingKind(
        "Webhooks accepted too widely", "Events of others, or repeated ones, can be accepted."
    ),
    "worker-missing": FindingKind("No worker running", "Nothing is decided, sent or written back."),
    "worker-outdated": FindingKind(
        "Process of another version or configuration", "It works as before the change until it is restarted."
    ),
}
"""The kinds by id."""
