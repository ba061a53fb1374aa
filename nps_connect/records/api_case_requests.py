"""Requests of the API about cases."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nps_connect.records.actions import CallOutcome, Remedy
from nps_connect.records.api_requests import Address, ApiModel, ApiMoment, Comment, Identifier, PageQuery, ShortName


class CaseAssignment(ApiModel):
    """Let a member of staff have a case.

    Attributes:
        response: id of the response that opened the case.
        assigned_to: address of the member of staff, who is reminded; null means nobody.
    """

    response: Identifier
    assigned_to: Address | None


class CaseNote(ApiModel):
    """Keep a note with a case, or record that the customer was called.

    Attributes:
        response: id of the response that opened the case.
        text: the note; may be left out for a call.
        called: what came of a call.
        next_call_at: when the customer is to be called again; it replaces the deadline.
    """

    response: Identifier
    text: Comment | None = None
    called: CallOutcome | None = None
    next_call_at: ApiMoment | None = None


class CaseSolution(ApiModel):
    """Solve a case.

    Attributes:
        response: id of the response that opened the case.
        done: what was done for the customer.
        text: a note about it.
    """

    response: Identifier
    done: Annotated[tuple[Remedy, ...], Field(max_length=4, strict=False)] = ()
    text: Comment | None = None


class CaseReopening(ApiModel):
    """Reopen a solved case.

    Attributes:
        response: id of the response that opened the case.
        text: why.
    """

    response: Identifier
    text: Comment | None = None


class CaseQuery(PageQuery):
    """Which cases, newest first.

    Attributes:
        state: only this state; overdue cases are open too.
        survey: only this survey.
        assigned_to: only cases of this member of staff; needs the scope `people`.
    """

    state: Literal["open", "overdue", "solved", "recovered"] | None = None
    survey: ShortName | None = None
    assigned_to: Address | None = None


class CaseDetailsQuery(ApiModel):
    """One case, by the id of the response that opened it."""
