"""Try proposed mappings: payloads, resent, in another order and with a forged signature, against a scratch ledger."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from pydantic import SecretStr
from sqlalchemy import func, select
from sqlmodel import col

from nps_connect.app.application import build_application, create_database, open_ledger
from nps_connect.connection import ConnectionSettings
from nps_connect.ledger.tables import EventRow, RawRequest
from nps_connect.plugins import Plugins
from nps_connect.proof.virtual_clock import VirtualClock
from nps_connect.records.connectors import SignWebhook
from nps_connect.records.events import WebhookRequest
from nps_connect.services.context import Context
from nps_connect.services.intake.accept import accept_webhooks
from nps_connect.services.intake.parse import drain_requests
from nps_connect.settings.model import Settings

PAUSE = timedelta(minutes=10)
"""Between the rounds, as if the source sent its webhooks again."""


@dataclass(frozen=True)
class TriedEvent:
    """An event that a payload led to.

    Attributes:
        kind: its kind.
        object_id: its object.
        occurred_at: when it happened.
        people: how many people it names.
    """

    kind: str
    object_id: str
    occurred_at: datetime
    people: int


@dataclass(frozen=True)
class MappingTrial:
    """What a trial found.

    Attributes:
        events: the events of the payloads.
        unread: names of payloads that no mapping reads.
        lost: names of payloads with an event that another payload with other content already led to.
        resent: events that a resend added; none, if the mapping names each fact.
        reordered: events that the payloads in another order added, in a ledger of their own, minus those of `events`.
        accepted_forgeries: forged webhooks that were accepted.
    """

    events: tuple[TriedEvent, ...]
    unread: tuple[str, ...]
    lost: tuple[str, ...]
    resent: int
    reordered: int
    accepted_forgeries: int

    @property
    def is_sound(self) -> bool:
        """Whether there are events, none is lost, and nothing was added or accepted that should not be."""
        return bool(self.events) and not (
            self.unread or self.lost or self.resent or self.reordered or self.accepted_forgeries
        )


def try_mapping(
    settings: Settings,
    plugins: Plugins,
    name: str,
    connection: ConnectionSettings,
    body_by_name: Mapping[str, bytes],
    sign: SignWebhook,
    now: datetime,
) -> MappingTrial:
    """Post payloads to a connection with proposed mappings; reaches no network and no database but temporary ones.

    Args:
        settings: the configuration.
        plugins: the loaded plugins.
        name: of the connection.
        connection: its settings with the proposed mappings.
        body_by_name: the payloads by their names; equal ones are sent once.
        sign: signs as the source does.
        now: the present moment.
    """
    name_by_body = {body: name for name, body in reversed(list(body_by_name.items()))}
    bodies = list(dict.fromkeys(body_by_name.values()))
    names = [name_by_body[body] for body in bodies]
    with _Scratch(settings, plugins, name, connection, now) as scratch:
        unread: list[str] = []
        lost: list[str] = []
        for body_name, body in zip(names, bodies, strict=True):
            scratch.post([body], sign)
            state, duplicates = scratch.last_request()
            unread += [body_name] if state != "succeeded" else []
            lost += [body_name] if duplicates else []
        events = scratch.events()
        scratch.post(bodies, sign)
        scratch.post(bodies[::-1], sign)
        resent = scratch.count() - len(events)
        accepted = scratch.post(bodies, sign, is_forged=True)
    with _Scratch(settings, plugins, name, connection, now) as scratch:
        scratch.post([*bodies[::-1], *bodies], sign)
        reordered = abs(scratch.count() - len(events))
    return MappingTrial(tuple(events), tuple(unread), tuple(lost), resent, reordered, accepted)


class _Scratch:
    """An application with one connection and a ledger that is removed at the end."""

    def __init__(
        self, settings: Settings, plugins: Plugins, name: str, connection: ConnectionSettings, now: datetime
    ) -> None:
        self._settings, self._plugins, self._name, self._connection = settings, plugins, name, connection
        self._clock = VirtualClock(now)
        self._folder = tempfile.TemporaryDirectory(prefix="nps-connect-mapping-")

    def __enter__(self) -> Self:
        url = f"sqlite:///{(Path(self._folder.name) / 'scratch.db').as_posix()}"
        changes = {"mode": "shadow", "database_url": SecretStr(url), "state_dir": None}
        core = self._settings.core.model_copy(update=changes)
        settings = Settings(core=core, connections={self._name: self._settings.connections[self._name]})
        create_database(settings)
        self._application = build_application(
            settings,
            self._plugins,
            {self._name: self._connection},
            open_ledger(settings),
            clock=self._clock,
            sleep=self._clock.sleep,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self._application.close()
        self._folder.cleanup()

    @property
    def _ctx(self) -> Context:
        return self._application.ctx

    def post(self, bodies: Sequence[bytes], sign: SignWebhook, *, is_forged: bool = False) -> int:
        """Post payloads and parse what was stored; return how many were accepted."""
        self._clock.advance_to(self._clock() + PAUSE)
        now = self._clock()
        requests = [
            WebhookRequest(
                method="POST",
                url=f"{self._settings.core.url}/hooks/{self._name}",
                headers=_headers(sign(self._connection, body, now, is_forged)),
                body=body,
                received_at=now,
            )
            for body in bodies
        ]
        results = accept_webhooks(self._ctx, [(self._name, request) for request in requests])
        while drain_requests(self._ctx, self._name):
            pass
        return sum(isinstance(result, int) for result in results)

    def count(self) -> int:
        """Return the number of events."""
        with self._ctx.ledger.read() as session:
            return int(session.execute(select(func.count()).select_from(EventRow)).scalar_one())

    def last_request(self) -> tuple[str, int]:
        """Return the state of the newest webhook, and how many of its events were there before."""
        with self._ctx.ledger.read() as session:
            row = session.execute(select(RawRequest).order_by(col(RawRequest.id).desc()).limit(1)).scalar_one()
            return row.state, row.events_duplicate

    def events(self) -> list[TriedEvent]:
        """Return the events, in the order of their receipt."""
        with self._ctx.ledger.read() as session:
            rows = session.execute(select(EventRow).order_by(col(EventRow.id))).scalars().all()
            return [
                TriedEvent(
                    row.kind,
                    row.object_id,
                    row.occurred_at,
                    len(row.record.get("contacts", ())) or int(bool(row.record.get("contact_key"))),
                )
                for row in rows
            ]


def _headers(signed: Mapping[str, str]) -> dict[str, str]:
    return {"content-type": "application/json", **{name.lower(): value for name, value in signed.items()}}
