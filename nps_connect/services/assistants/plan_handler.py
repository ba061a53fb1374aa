"""What a kind of plan consists of: how it is resolved, what it would do, and how it is carried out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from nps_connect.ledger.audit_log import Actor
from nps_connect.records.api_results import ApiCaller
from nps_connect.services.context import Context

PlanArguments = dict[str, Any]
"""The arguments of a plan as JSON: names of the configuration and row ids only, no text of an assistant."""


@dataclass(frozen=True)
class PlannedEffect:
    """What a plan would do now.

    Attributes:
        contacts: row ids of the people whom it would reach, sorted.
        items: number of deliveries or people that it changes.
        digest: hash of everything that would happen.
    """

    contacts: tuple[int, ...]
    items: int
    digest: str


@dataclass(frozen=True)
class PlanHandler:
    """How plans of one kind are made and carried out.

    Attributes:
        resolve: checks a request against the configuration and the ledger; returns the arguments of the plan.
        foresee: returns what the plan would do now; the last use of its transaction, in which it may try the change
            and roll it back: one for reading could not write on SQLite once another has written.
        execute: carries an approved plan out by the functions that the commands call; returns one sentence.
    """

    resolve: Callable[[Context, Session, ApiCaller, Any], PlanArguments]
    foresee: Callable[[Context, Session, PlanArguments], PlannedEffect]
    execute: Callable[[Context, PlanArguments, Actor], str]


def digest(*parts: object) -> str:
    """Return the SHA-256 of JSON-ready values in hexadecimal."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
