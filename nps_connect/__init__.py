"""The public API for plugin authors. Names are imported on first use (PEP 562), so that ``--help`` stays fast."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0.dev0"

API_VERSION = "1.0"
"""Version of the plugin API (hooks, records, public names): a new minor version adds, a new major version removes."""

if TYPE_CHECKING:
    from nps_connect.connection import Clock as Clock
    from nps_connect.connection import Connection as Connection
    from nps_connect.connection import ConnectionSettings as ConnectionSettings
    from nps_connect.connection import TokenStore as TokenStore
    from nps_connect.connection import system_clock as system_clock
    from nps_connect.delivery_helpers import is_outdated as is_outdated
    from nps_connect.delivery_helpers import map_outcomes as map_outcomes
    from nps_connect.delivery_helpers import pages as pages
    from nps_connect.errors import AuthFailed as AuthFailed
    from nps_connect.errors import DeliveryError as DeliveryError
    from nps_connect.errors import NotAllowed as NotAllowed
    from nps_connect.errors import OutcomeUnknown as OutcomeUnknown
    from nps_connect.errors import RateLimited as RateLimited
    from nps_connect.errors import Rejected as Rejected
    from nps_connect.errors import RetryLater as RetryLater
    from nps_connect.errors import SetupMissing as SetupMissing
    from nps_connect.errors import TargetGone as TargetGone
    from nps_connect.errors import Undeliverable as Undeliverable
    from nps_connect.errors import WebhookRejected as WebhookRejected
    from nps_connect.hookspecs.markers import hookimpl as hookimpl
    from nps_connect.http import VendorClient as VendorClient
    from nps_connect.records.base import FieldValue as FieldValue
    from nps_connect.records.base import is_loopback as is_loopback
    from nps_connect.records.bounces import Bounce as Bounce
    from nps_connect.records.bounces import MailboxPage as MailboxPage
    from nps_connect.records.connectors import ActionInfo as ActionInfo
    from nps_connect.records.connectors import ConnectorInfo as ConnectorInfo
    from nps_connect.records.connectors import EventKind as EventKind
    from nps_connect.records.connectors import MappingLearner as MappingLearner
    from nps_connect.records.connectors import MappingProposal as MappingProposal
    from nps_connect.records.connectors import Quota as Quota
    from nps_connect.records.connectors import ReviewPolicy as ReviewPolicy
    from nps_connect.records.connectors import SettingsMistake as SettingsMistake
    from nps_connect.records.connectors import StatusRule as StatusRule
    from nps_connect.records.contact_fields import ContactFieldUse as ContactFieldUse
    from nps_connect.records.contacts import Contact as Contact
    from nps_connect.records.contacts import ContactKey as ContactKey
    from nps_connect.records.contacts import ContactMatch as ContactMatch
    from nps_connect.records.contacts import ContactPage as ContactPage
    from nps_connect.records.contacts import ListedContact as ListedContact
    from nps_connect.records.contacts import mailbox_contact_id as mailbox_contact_id
    from nps_connect.records.deliveries import Alert as Alert
    from nps_connect.records.deliveries import CaseOutcome as CaseOutcome
    from nps_connect.records.deliveries import ContactErasure as ContactErasure
    from nps_connect.records.deliveries import DeliveryView as DeliveryView
    from nps_connect.records.deliveries import OptOut as OptOut
    from nps_connect.records.deliveries import Receipt as Receipt
    from nps_connect.records.deliveries import ReviewDestination as ReviewDestination
    from nps_connect.records.deliveries import ReviewInvitation as ReviewInvitation
    from nps_connect.records.deliveries import ScoreUpdate as ScoreUpdate
    from nps_connect.records.deliveries import TicketDraft as TicketDraft
    from nps_connect.records.deliveries import TicketUpdate as TicketUpdate
    from nps_connect.records.event_kinds import WELL_KNOWN_EVENT_KINDS as WELL_KNOWN_EVENT_KINDS
    from nps_connect.records.events import STORED_HEADER as STORED_HEADER
    from nps_connect.records.events import Event as Event
    from nps_connect.records.events import EventPage as EventPage
    from nps_connect.records.events import SkippedEntries as SkippedEntries
    from nps_connect.records.events import WebhookRequest as WebhookRequest
    from nps_connect.records.events import fact_key as fact_key
    from nps_connect.records.examples import ExampleConfiguration as ExampleConfiguration
    from nps_connect.records.examples import ExampleQuestion as ExampleQuestion
    from nps_connect.records.filters import FilterUse as FilterUse
    from nps_connect.records.findings import Finding as Finding
    from nps_connect.records.findings import SetupChange as SetupChange
    from nps_connect.records.imports import ImportLayout as ImportLayout
    from nps_connect.records.messages import Address as Address
    from nps_connect.records.messages import InlineImage as InlineImage
    from nps_connect.records.messages import Message as Message
    from nps_connect.records.responses import ContactResponse as ContactResponse
    from nps_connect.records.responses import EarlierResponse as EarlierResponse
    from nps_connect.records.responses import Response as Response
    from nps_connect.records.snapshots import AccountSnapshot as AccountSnapshot
    from nps_connect.records.snapshots import VendorField as VendorField
    from nps_connect.records.surveys import ContactHistory as ContactHistory
    from nps_connect.records.surveys import SurveyProposal as SurveyProposal
    from nps_connect.records.surveys import SurveyView as SurveyView
    from nps_connect.records.surveys import Veto as Veto
    from nps_connect.records.themes import CommentText as CommentText
    from nps_connect.records.themes import CommentThemes as CommentThemes
    from nps_connect.records.themes import ThemeName as ThemeName
    from nps_connect.records.vendor_responses import VendorResponse as VendorResponse
    from nps_connect.records.webhooks import OutgoingWebhook as OutgoingWebhook
    from nps_connect.records.webhooks import WebhookSubscription as WebhookSubscription
    from nps_connect.records.webhooks import WebhookType as WebhookType
    from nps_connect.redaction import Redactor as Redactor
    from nps_connect.sanitization import one_line as one_line
    from nps_connect.simulation import SimulatedPerson as SimulatedPerson
    from nps_connect.simulation import SimulatedVendor as SimulatedVendor
    from nps_connect.simulation import VendorEffects as VendorEffects
    from nps_connect.simulation import VendorReply as VendorReply
    from nps_connect.simulation import VendorRequest as VendorRequest
    from nps_connect.simulation import VendorTable as VendorTable
    from nps_connect.simulation import VendorWebhook as VendorWebhook
    from nps_connect.simulation import json_reply as json_reply
    from nps_connect.webhook_signatures import decode_webhook_secret as decode_webhook_secret
    from nps_connect.webhook_signatures import parse_timestamp as parse_timestamp
    from nps_connect.webhook_signatures import sign_hmac as sign_hmac
    from nps_connect.webhook_signatures import sign_standard_webhook as sign_standard_webhook
    from nps_connect.webhook_signatures import verify_age as verify_age
    from nps_connect.webhook_signatures import verify_hmac as verify_hmac
    from nps_connect.webhook_signatures import verify_secret as verify_secret
    from nps_connect.webhook_signatures import verify_standard_webhook as verify_standard_webhook

_HOME = {
    "connection": ("Clock", "Connection", "ConnectionSettings", "TokenStore", "system_clock"),
    "errors": (
        "AuthFailed",
        "DeliveryError",
        "OutcomeUnknown",
        "NotAllowed",
        "RateLimited",
        "Rejected",
        "RetryLater",
        "SetupMissing",
        "TargetGone",
        "Undeliverable",
        "WebhookRejected",
    ),
    "delivery_helpers": ("is_outdated", "map_outcomes", "pages"),
    "hookspecs.markers": ("hookimpl",),
    "http": ("VendorClient",),
    "records.vendor_responses": ("VendorResponse",),
    "records.base": ("FieldValue", "is_loopback"),
    "records.bounces": ("Bounce", "MailboxPage"),
    "records.connectors": (
        "ActionInfo",
        "ConnectorInfo",
        "EventKind",
        "MappingLearner",
        "MappingProposal",
        "Quota",
        "ReviewPolicy",
        "SettingsMistake",
        "StatusRule",
    ),
    "records.contact_fields": ("ContactFieldUse",),
    "records.contacts": (
        "Contact",
        "ContactKey",
        "ContactMatch",
        "ContactPage",
        "ListedContact",
        "mailbox_contact_id",
    ),
    "records.deliveries": (
        "Alert",
        "CaseOutcome",
        "ContactErasure",
        "DeliveryView",
        "OptOut",
        "Receipt",
        "ReviewDestination",
        "ReviewInvitation",
        "ScoreUpdate",
        "TicketDraft",
        "TicketUpdate",
    ),
    "records.event_kinds": ("WELL_KNOWN_EVENT_KINDS",),
    "records.events": ("STORED_HEADER", "Event", "EventPage", "SkippedEntries", "WebhookRequest", "fact_key"),
    "records.examples": ("ExampleConfiguration", "ExampleQuestion"),
    "records.filters": ("FilterUse",),
    "records.findings": ("Finding", "SetupChange"),
    "records.imports": ("ImportLayout",),
    "records.messages": ("Address", "InlineImage", "Message"),
    "records.responses": ("ContactResponse", "EarlierResponse", "Response"),
    "records.snapshots": ("AccountSnapshot", "VendorField"),
    "records.surveys": ("ContactHistory", "SurveyProposal", "SurveyView", "Veto"),
    "records.themes": ("CommentText", "CommentThemes", "ThemeName"),
    "records.webhooks": ("OutgoingWebhook", "WebhookSubscription", "WebhookType"),
    "redaction": ("Redactor",),
    "sanitization": ("one_line",),
    "simulation": (
        "SimulatedPerson",
        "SimulatedVendor",
        "VendorEffects",
        "VendorReply",
        "VendorRequest",
        "VendorTable",
        "VendorWebhook",
        "json_reply",
    ),
    "webhook_signatures": (
        "decode_webhook_secret",
        "parse_timestamp",
        "sign_hmac",
        "sign_standard_webhook",
        "verify_age",
        "verify_hmac",
        "verify_secret",
        "verify_standard_webhook",
    ),
}
_MODULE_OF = {name: f"nps_connect.{module}" for module, names in _HOME.items() for name in names}

__all__ = ["API_VERSION", "__version__", *sorted(_MODULE_OF)]  # noqa: PLE0604  # built from the table above


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'nps_connect' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module), name)  # the next access is an ordinary one
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
