"""What the tools of an assistant may be called with. Unknown fields and other types are refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from nps_connect.records.api_requests import ApiModel, Identifier, ShortName

MAX_DELIVERIES_PER_PLAN = 200
MAX_PEOPLE_PER_PLAN = 100


class StatusRequest(ApiModel):
    """The status of the system; nothing to choose."""


class PlansRequest(ApiModel):
    """The plans of this key; nothing to choose."""


class ExplainRequest(ApiModel):
    """What to explain: exactly one of the fields.

    Attributes:
        contact: a pseudonym such as `p-0123...`; with the scope `people` also an address or `connection:id`.
        response: id of a response.
        event: number of an event in another explanation.
        delivery: number of a delivery in another explanation.
    """

    contact: Identifier | None = None
    response: Identifier | None = None
    event: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    delivery: Annotated[int, Field(ge=1, lt=2**63)] | None = None

    @model_validator(mode="after")
    def _check_single(self) -> ExplainRequest:
        if sum(value is not None for value in (self.contact, self.response, self.event, self.delivery)) != 1:
            raise ValueError("give exactly one of contact, response, event, delivery")
        return self


class AskPeopleRequest(ApiModel):
    """Whom to ask which survey.

    Attributes:
        survey: the survey.
        people: pseudonyms of contacts; with the scope `people` also addresses or `connection:id`.
    """

    survey: ShortName
    people: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=MAX_PEOPLE_PER_PLAN)]


class RetryDeliveriesRequest(ApiModel):
    """Which dead and held deliveries to try again.

    Attributes:
        deliveries: their numbers; if empty, all that match the other fields.
        connection: only this connection.
        action: only this action, such as `open_ticket`.
        state: only this state.
    """

    deliveries: Annotated[
        tuple[Annotated[int, Field(ge=1, lt=2**63)], ...], Field(max_length=MAX_DELIVERIES_PER_PLAN)
    ] = ()
    connection: ShortName | None = None
    action: ShortName | None = None
    state: Literal["dead", "held"] | None = None


class PauseRequest(ApiModel):
    """What to pause or resume: a connection, the mail of a survey, or, with neither, all customer mail.

    Attributes:
        connection: everything on this connection.
        survey: the mail of this survey.
    """

    connection: ShortName | None = None
    survey: ShortName | None = None

    @model_validator(mode="after")
    def _check_scope(self) -> PauseRequest:
        if self.connection is not None and self.survey is not None:
            raise ValueError("give connection or survey, not both")
        return self
