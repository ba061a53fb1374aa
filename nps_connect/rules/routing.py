"""From an answer to planned actions. The deliveries made of them are inserted in the answer's own transaction."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, NamedTuple

from nps_connect.records.deliveries import Action, CommentPolicy
from nps_connect.records.responses import Response
from nps_connect.settings.model import Route, RoutedAction

_GRACE_PERIODS: dict[str, timedelta] = {
    "open_ticket": timedelta(seconds=20),
    "send_alert": timedelta(seconds=20),
    "write_score": timedelta(seconds=60),
}
_UNREADABLE = re.compile(r"[^a-z0-9]+")
_READABLE_LENGTH = 24
_encode_json = json.JSONEncoder(ensure_ascii=False).encode


class PlannedAction(NamedTuple):
    """One action that an answer leads to.

    Attributes:
        route: index of the route in the configuration, for ``explain``.
        action: what to do.
        via: name of the connection that does it.
        delay: from the answer to the action.
        lead: for `invite_review`: what the mail leads with.
        weight: for `invite_review`: its share where several platforms are open to a person.
        comment: for `write_score`: what becomes of the comment.
    """

    route: int
    action: RoutedAction
    via: str
    delay: timedelta
    lead: Literal["review", "help"]
    comment: CommentPolicy
    weight: int = 1


def grace_period(action: Action, is_final: bool) -> timedelta:
    """How long to wait for a second click or a comment before an action starts, where the route does not say.

    A pressed Send button means that the customer is done: nothing waits any longer. A late comment updates, it never
    delays.
    """
    return timedelta(0) if is_final else _GRACE_PERIODS.get(action, timedelta(0))


def plan_actions(routes: Sequence[Route], *, response: Response, is_final: bool) -> tuple[PlannedAction, ...]:
    """The actions of a confirmed answer, in the order of the routes.

    A delay that a route gives always holds. Where several routes lead to one action on one connection, the first wins:
    nobody gets two tickets or two mails of one answer. Who asked not to be contacted about the answer gets no review
    invitation.

    Args:
        routes: all routes of the configuration.
        response: the newest revision.
        is_final: the customer pressed Send.
    """
    planned: dict[tuple[str, str], PlannedAction] = {}
    for index, route in enumerate(routes):
        if not _applies(route, response) or (route.do, route.via) in planned:
            continue
        planned[route.do, route.via] = PlannedAction(
            route=index,
            action=route.do,
            via=route.via,
            delay=route.delay if route.delay is not None else grace_period(route.do, is_final),
            lead=route.lead,
            comment=route.comment,
            weight=route.weight,
        )
    return tuple(planned.values())


def route_matches(route: Route, *, survey: str | None, touchpoint: str | None, language: str | None) -> bool:
    """Whether a route takes answers like this, whatever their score; none stands for one that no route names."""
    return (
        (not route.surveys or survey in route.surveys)
        and (not route.touchpoints or touchpoint in route.touchpoints)
        and (not route.languages or _matches_language(route.languages, language))
    )


def _matches_language(languages: Sequence[str], language: str | None) -> bool:
    asked = (language or "").casefold()
    return any(asked == one.casefold() or asked.startswith(f"{one.casefold()}-") for one in languages)


def _applies(route: Route, response: Response) -> bool:
    if response.do_not_contact and route.do == "invite_review":
        return False
    return response.score in route.asked and route_matches(
        route, survey=response.survey, touchpoint=response.touchpoint, language=response.language
    )


def delivery_key(*, action: str, subject: str, revision: int | None, route: str | None) -> str:
    """The idempotency key of a delivery: the same facts give the same key, in every process and for ever.

    Holds only ``a-z 0-9 _ -``, at most 103 characters, so that it fits into a header and a ``Message-ID``.

    Args:
        action: the action's name.
        subject: our public id of what is delivered; its beginning is readable in the key, so never an address.
        revision: revision of the answer; left out of account for `open_ticket`: one ticket per case.
        route: a stable name of the route, such as its connection (not its index, which shifts when the file is edited).
    """
    counted = "null" if revision is None or action == "open_ticket" else revision
    # As JSON spells a list of the four; an encoder of the whole list takes ten times as long.
    facts = f"[{_encode_json(action)}, {_encode_json(subject)}, {counted}, {'null' if route is None else _encode_json(route)}]"
    digest = hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()
    readable = _UNREADABLE.sub("-", subject.lower())[:_READABLE_LENGTH].strip("-")
    return f"{action}-{readable}-{digest}"
