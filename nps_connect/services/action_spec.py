"""`ActionSpec`: everything that is particular to one action, and the records that its functions exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar

from nps_connect.records.actions import Action, CancelCode, HoldCode
from nps_connect.rules.retry_plan import RetryPlan

if TYPE_CHECKING:  # the facts of an action need none of them
    from sqlmodel import Session

    from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, ResponseRow
    from nps_connect.records.contacts import Contact
    from nps_connect.records.deliveries import Payload, Receipt
    from nps_connect.rules.trigger_decision import Person
    from nps_connect.services.context import Context
    from nps_connect.settings.model import Settings

EXPEDITED_OPTION = "expedited"
"""Key of a delivery's options: an operator sends it now, in spite of quiet hours and daily caps."""

WEBHOOK_OPTION = "webhook"
"""Key of a delivery's options: the type of the webhook that it sends."""

T = TypeVar("T")


@dataclass(frozen=True)
class NotAttempted:
    """A delivery that is not attempted now, and why. Made by the class methods.

    Attributes:
        state: the delivery's new state.
        detail: for `skipped` the reason; else what the sentence of the code names.
        hold_code: for `held` and `pending`.
        cancel_code: for `cancelled`.
        until: for `pending`: when it is due again; no attempt is used up.
    """

    state: Literal["skipped", "cancelled", "held", "pending"]
    detail: str | None = None
    hold_code: HoldCode | None = None
    cancel_code: CancelCode | None = None
    until: datetime | None = None

    @classmethod
    def skipped(cls, reason: str) -> NotAttempted:
        """Finish the delivery: there is nothing to do."""
        return cls("skipped", reason)

    @classmethod
    def cancelled(cls, code: CancelCode, detail: str | None = None) -> NotAttempted:
        """Cancel the delivery."""
        return cls("cancelled", detail, cancel_code=code)

    @classmethod
    def held(cls, code: HoldCode, detail: str | None = None) -> NotAttempted:
        """Hold the delivery until it is released."""
        return cls("held", detail, code)

    @classmethod
    def deferred(cls, code: HoldCode, until: datetime, detail: str | None = None) -> NotAttempted:
        """Let the delivery wait until a moment."""
        return cls("pending", detail, code, until=until)


CONTACT_ERASED = NotAttempted.cancelled(CancelCode.CONTACT_BLOCKED, "the contact was erased")


@dataclass(frozen=True)
class Prepared:
    """What the hook receives, and columns of the delivery that are written with its start.

    Attributes:
        item: what the hook receives.
        columns: new values by column name.
    """

    item: Payload
    columns: Mapping[str, Any]


PreparationResult: TypeAlias = "Payload | Prepared | NotAttempted | Exception"
"""What the hook receives, or why there is no call."""


@dataclass(frozen=True)
class PreparationBatch:
    """Deliveries of one queue in the transaction that starts them, with what was read for all of them.

    Attributes:
        ctx: the application context.
        session: the transaction.
        connection: the connection that is called.
        deliveries: the deliveries; read-only columns.
        contacts: the contact after all merges, by the contact id of the delivery; read-only columns.
        responses: by id; read-only columns.
        histories: confirmed NPS responses by contact id, newest first; read-only columns.
        looked_up: the contact as the vendor has it now, by delivery id, where `contact_lookup` asks for it.
        people: subjects and suppressions by contact id; read by `prepare_batch` if the action is `customer_facing`.
        invitations: survey invitations by id, for changes; read likewise.
    """

    ctx: Context
    session: Session
    connection: str
    deliveries: Sequence[DeliveryRow]
    contacts: Mapping[int, ContactRow]
    responses: Mapping[int, ResponseRow]
    histories: Mapping[int, Sequence[ResponseRow]]
    looked_up: Mapping[int, Contact]
    people: Mapping[int, Person] = field(default_factory=dict)
    invitations: Mapping[int, InvitationRow] = field(default_factory=dict)
    _loaded: dict[Callable[[PreparationBatch], Any], Any] = field(default_factory=dict, init=False)

    def load_once(self, load: Callable[[PreparationBatch], T]) -> T:
        """Return what a function reads for all deliveries of the batch; it is called once."""
        if load not in self._loaded:
            self._loaded[load] = load(self)
        loaded: T = self._loaded[load]
        return loaded


class SettledDelivery(NamedTuple):
    """A delivery with its outcome.

    Attributes:
        row: the delivery as it was claimed; read-only columns.
        outcome: a receipt, an error, or why there was no call.
        called: the plugin was called for it.
        started_at: when this attempt began, if it did.
    """

    row: DeliveryRow
    outcome: Receipt | NotAttempted | Exception
    called: bool = False
    started_at: datetime | None = None


@dataclass(frozen=True)
class AbandonedDelivery:
    """A delivery that will not be carried out.

    Attributes:
        row: the delivery.
        state: `cancelled`, `skipped` or `dead`.
        reason: the sentence for people.
        cancel_code: for `cancelled`.
    """

    row: DeliveryRow
    state: str
    reason: str
    cancel_code: CancelCode | None = None


OutcomeCallback = Callable[["Context", "Session", Sequence[SettledDelivery], datetime], set[str]]
"""Consequences of outcomes, in the transaction that settles them; returns the queues with new work."""

ReleaseCallback = Callable[["Session", Sequence[AbandonedDelivery], "Settings", datetime], set[str]]
"""Gives back what deliveries have reserved; returns the queues with new work."""

ReserveCallback = Callable[["Session", "DeliveryRow", "Settings", datetime], str | None]
"""Reserves anew what a delivery needs when an operator retries it; returns why that is impossible, or None."""


@dataclass(frozen=True, kw_only=True)
class ActionHandler:
    """The functions of one action, which its `ActionSpec` loads.

    Attributes:
        build: builds what the hook receives for one delivery of a batch, or says why there is no call.
        on_success, on_failure: consequences of receipts, and of errors of calls.
        release: gives back reservations of deliveries that are cancelled, skipped or dead.
        reserve_again: reserves anew before an operator's retry.
    """

    build: Callable[[PreparationBatch, DeliveryRow], Payload | Prepared | NotAttempted]
    on_success: OutcomeCallback | None = None
    on_failure: OutcomeCallback | None = None
    release: ReleaseCallback | None = None
    reserve_again: ReserveCallback | None = None


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """One action: the facts about it. Commands that only read need no more, and do not import its functions.

    Attributes:
        action: its name.
        hook: the hook that carries it out.
        load_handler: imports the functions; see `handler`.
        retry_plan: the default retry plan; the configuration may set another.
        priority: order of the queues, lowest first.
        grace_period: how long it waits for a second click or a comment, unless its route sets a delay or the customer
            pressed Send. A later comment updates what was delivered, it never delays it.
        customer_facing: it reaches a customer: suppressions, quiet hours, the pause of all mail and the channel's rate
            apply.
        is_ordered: a later delivery to a contact never overtakes an earlier one.
        overwrites: a delivery replaces what an earlier one wrote; the newest may be repeated, and an older one that was
            carried out late is repaired by that.
        in_doubt: what happens to a delivery in doubt if the plugin cannot look: resend it, or hold it for the operator.
        contact_lookup: which connection is asked for the contact before the start: the contact's `own`, the `target`
            of the delivery if the contact comes from another connection, or `none`.
        has_exclusive_receipt: a receipt belongs to one delivery only.
        can_be_skipped: a missing target finishes the delivery; else it is dead.
        alarms_staff: it tells staff of an unhappy customer. A mail goes to the fallback address when it is stuck, and a
            changed response that no longer leads to it withdraws it.
        follows_dependency: it waits for the delivery in `depends_on_id`.
        can_be_repeated: an operator may have it carried out once more after a success: the receiver tells by the key.
        erases: it erases a contact at the vendor: it starts although the contact is erased, and no erasure cancels it.
    """

    action: Action
    hook: str
    load_handler: Callable[[], ActionHandler]
    retry_plan: RetryPlan
    priority: int
    grace_period: timedelta = timedelta(0)
    customer_facing: bool = False
    is_ordered: bool = False
    overwrites: bool = False
    in_doubt: Literal["hold", "resend"] = "resend"
    contact_lookup: Literal["none", "own", "target"] = "none"
    has_exclusive_receipt: bool = False
    can_be_skipped: bool = True
    alarms_staff: bool = False
    follows_dependency: bool = False
    can_be_repeated: bool = False
    erases: bool = False

    @cached_property
    def handler(self) -> ActionHandler:
        """Its functions, imported when they are first needed."""
        return self.load_handler()

    def plan(self, settings: Settings) -> RetryPlan:
        """Return the configured retry plan, else the default one."""
        configured = settings.delivery.retry.get(self.action)
        return RetryPlan(configured.delays, configured.jitter, configured.total) if configured else self.retry_plan

    @property
    def is_message(self) -> bool:
        """Whether channels carry it out: it is available on each of them, declared or not."""
        return self.hook == "nps_send_messages"


ActionSpecs = Mapping[str, ActionSpec]
"""Every action by name."""
