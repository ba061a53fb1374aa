"""The endpoints of the API: the one table from which requests are served and described."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from nps_connect.records.api_case_requests import (
    CaseAssignment,
    CaseDetailsQuery,
    CaseNote,
    CaseQuery,
    CaseReopening,
    CaseSolution,
)
from nps_connect.records.api_pages import CaseDetails, CasePage, DecisionPage, NpsResult, ResponsePage, SuppressionPage
from nps_connect.records.api_requests import (
    ApiModel,
    ContactRequest,
    DecisionQuery,
    EventRequest,
    InvitationRequest,
    NpsQuery,
    ResponseQuery,
    ResponseRequest,
    SuppressionQuery,
    SuppressionRemoval,
    SuppressionRequest,
)
from nps_connect.records.api_results import (
    CaseResult,
    ContactResult,
    EventResult,
    InvitationResult,
    RemovalResult,
    ResponseResult,
    SuppressionResult,
)
from nps_connect.records.api_scopes import ApiScope

ROOT = "/api/v1"
OPENAPI_PATH = f"{ROOT}/openapi.json"


class Endpoint(NamedTuple):
    """An operation of the API.

    Attributes:
        method: GET reads, POST changes something.
        path: the template, also for the access log; ``{id}`` stands for an id, which may contain slashes.
        scope: that the key needs.
        request: the model of the body, or of the query of GET.
        results: the model of the response by status.
        summary: what it does, in a few words.
    """

    method: str
    path: str
    scope: ApiScope
    request: type[ApiModel]
    results: Mapping[int, type[ApiModel]]
    summary: str


ENDPOINTS = (
    Endpoint(
        "POST",
        f"{ROOT}/events",
        "events:write",
        EventRequest,
        {202: EventResult, 200: EventResult},
        "Create an event",
    ),
    Endpoint(
        "POST",
        f"{ROOT}/contacts",
        "contacts:write",
        ContactRequest,
        {201: ContactResult, 200: ContactResult},
        "Create or update a contact",
    ),
    Endpoint(
        "POST",
        f"{ROOT}/invitations",
        "invitations:write",
        InvitationRequest,
        {202: InvitationResult, 200: InvitationResult},
        "Ask a person",
    ),
    Endpoint(
        "POST",
        f"{ROOT}/responses",
        "responses:write",
        ResponseRequest,
        {201: ResponseResult, 200: ResponseResult},
        "Record a response taken elsewhere",
    ),
    Endpoint("GET", f"{ROOT}/responses", "responses:read", ResponseQuery, {200: ResponsePage}, "List responses"),
    Endpoint("GET", f"{ROOT}/nps", "reports:read", NpsQuery, {200: NpsResult}, "Compute the NPS"),
    Endpoint(
        "GET",
        f"{ROOT}/contacts/{{id}}/decisions",
        "decisions:read",
        DecisionQuery,
        {200: DecisionPage},
        "List the decisions on a contact",
    ),
    Endpoint(
        "GET",
        f"{ROOT}/suppressions",
        "suppressions:read",
        SuppressionQuery,
        {200: SuppressionPage},
        "List suppressions",
    ),
    Endpoint(
        "POST",
        f"{ROOT}/suppressions",
        "suppressions:write",
        SuppressionRequest,
        {200: SuppressionResult},
        "Stop all mail to a person",
    ),
    Endpoint(
        "POST",
        f"{ROOT}/suppressions/removals",
        "suppressions:write",
        SuppressionRemoval,
        {200: RemovalResult},
        "Let a person be contacted again",
    ),
    Endpoint("GET", f"{ROOT}/cases", "cases:read", CaseQuery, {200: CasePage}, "List cases"),
    Endpoint("GET", f"{ROOT}/cases/{{id}}", "cases:read", CaseDetailsQuery, {200: CaseDetails}, "Read a case"),
    Endpoint("POST", f"{ROOT}/cases/assignments", "cases:write", CaseAssignment, {200: CaseResult}, "Assign a case"),
    Endpoint("POST", f"{ROOT}/cases/notes", "cases:write", CaseNote, {200: CaseResult}, "Add a note or a call"),
    Endpoint("POST", f"{ROOT}/cases/solutions", "cases:write", CaseSolution, {200: CaseResult}, "Solve a case"),
    Endpoint("POST", f"{ROOT}/cases/reopenings", "cases:write", CaseReopening, {200: CaseResult}, "Reopen a case"),
)

_BY_PATH: dict[str, dict[str, Endpoint]] = {}
for _endpoint in ENDPOINTS:
    _BY_PATH.setdefault(_endpoint.path, {})[_endpoint.method] = _endpoint
_TEMPLATES = [
    (re.compile(re.escape(path).replace(r"\{id\}", "(.{1,200})"), re.DOTALL), by_method)
    for path, by_method in _BY_PATH.items()
    if "{id}" in path
]


def find_endpoints(path: str) -> tuple[Mapping[str, Endpoint], str | None]:
    """Return the endpoints of a path by method, and the id in it; none for an unknown path."""
    by_method = _BY_PATH.get(path)
    if by_method is not None and "{id}" not in path:
        return by_method, None
    for template, endpoints in _TEMPLATES:
        match = template.fullmatch(path)
        if match is not None:
            return endpoints, match[1]
    return {}, None
