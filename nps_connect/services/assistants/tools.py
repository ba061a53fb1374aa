"""The tools of an assistant: what each is for, what it takes, and what it does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import ValidationError

from nps_connect.errors import NpsConnectError
from nps_connect.records.api_case_requests import CaseQuery
from nps_connect.records.api_requests import ApiModel, NpsQuery, ResponseQuery
from nps_connect.records.api_results import ApiCaller, ApiProblem
from nps_connect.records.assistant_requests import (
    AskPeopleRequest,
    ExplainRequest,
    PauseRequest,
    PlansRequest,
    RetryDeliveriesRequest,
    StatusRequest,
)
from nps_connect.services.approvals.approvals import PlanKind
from nps_connect.services.assistants.plans import make_plan
from nps_connect.services.assistants.reads import (
    describe_plan,
    read_explanation,
    read_list,
    read_plans,
    read_status,
)
from nps_connect.services.assistants.untrusted import NOTICE, mark_untrusted
from nps_connect.services.context import Context

MAX_ARGUMENTS_LENGTH = 20_000
MAX_RESULT_BYTES = 250_000


class ToolRefused(Exception):
    """A call that is refused; its text holds nothing of the call and of people."""


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes:
        description: for the assistant.
        request: what it takes.
        run: does it; returns something JSON-ready but for moments.
        is_plan: it stores a plan; the others change nothing.
    """

    description: str
    request: type[ApiModel]
    run: Callable[[Context, ApiCaller, Any], dict[str, Any]]
    is_plan: bool = False


def _plan(kind: PlanKind, ctx: Context, caller: ApiCaller, request: ApiModel) -> dict[str, Any]:
    row = make_plan(ctx, caller, kind, request)
    next_step = "Nothing has happened. A person decides in a terminal: nps-connect approvals list, show and approve."
    return {**describe_plan(ctx, row), "next_step": next_step}


def _plan_tool(description: str, request: type[ApiModel], kind: PlanKind) -> Tool:
    text = (
        f"{description} This only stores a plan: a person reads and approves it within 15 minutes, or nothing happens."
    )
    return Tool(text, request, partial(_plan, kind), is_plan=True)


TOOLS: Mapping[str, Tool] = {
    "status": Tool("Status of the system: connections, waiting deliveries, findings.", StatusRequest, read_status),
    "nps": Tool("The Net Promoter Score with its margin and number of responses.", NpsQuery, read_list),
    "responses": Tool(f"Responses, newest first. {NOTICE}", ResponseQuery, read_list),
    "cases": Tool(f"Detractors to win back, newest first. {NOTICE}", CaseQuery, read_list),
    "explain": Tool(
        f"Why a person was or was not surveyed, and what became of an event or a delivery. {NOTICE}",
        ExplainRequest,
        read_explanation,
    ),
    "plans": Tool("The newest plans of this key, with their state.", PlansRequest, read_plans),
    "plan_ask_people": _plan_tool("Plan to ask people a survey.", AskPeopleRequest, "ask_people"),
    "plan_retry_deliveries": _plan_tool(
        "Plan to try dead or held deliveries again.", RetryDeliveriesRequest, "retry_deliveries"
    ),
    "plan_pause": _plan_tool("Plan to pause customer mail, a connection or a survey.", PauseRequest, "pause"),
    "plan_resume": _plan_tool("Plan to resume what is paused.", PauseRequest, "resume"),
}


def call_tool(ctx: Context, caller: ApiCaller, name: str, arguments: Mapping[str, Any]) -> str:
    """Call a tool; return its result as JSON.

    Raises:
        ToolRefused: there is no such tool, or it refuses the call; says why, without values of the call.
    """
    tool = TOOLS.get(name)
    if tool is None:
        raise ToolRefused(f"there is no such tool; there are: {', '.join(TOOLS)}")
    try:
        text = json.dumps(arguments)
        if len(text) > MAX_ARGUMENTS_LENGTH:
            raise ToolRefused(f"the arguments are longer than {MAX_ARGUMENTS_LENGTH} characters")
        request = tool.request.model_validate_json(text)
    except ValidationError as error:
        raise ToolRefused(_describe_mistakes(tool, error)) from None
    try:
        result = tool.run(ctx, caller, request)
    except ApiProblem as problem:
        fields = "".join(f"; {field}: {message}" for field, message in problem.errors)
        raise ToolRefused(problem.detail + fields) from None
    except NpsConnectError as error:
        raise ToolRefused(str(error)) from None
    marked = mark_untrusted(result)
    notice = {"notice": NOTICE} if marked != result else {}
    text = json.dumps(notice | marked, ensure_ascii=False, default=_encode_moment)
    if len(text.encode()) > MAX_RESULT_BYTES:
        raise ToolRefused(f"the result has more than {MAX_RESULT_BYTES} bytes; ask for less, such as a smaller limit")
    return text


def _describe_mistakes(tool: Tool, error: ValidationError) -> str:
    """Return which arguments are wrong: known names only, because an unknown one is a text of the caller."""
    details = error.errors(include_input=False, include_url=False, include_context=False)
    mistakes = []
    for detail in details:
        field = str(detail["loc"][0]) if detail["loc"] else ""
        is_argument = field in tool.request.model_fields
        mistakes.append(f"{field}: {detail['msg']}" if is_argument else str(detail["msg"]))
    return "; ".join(dict.fromkeys(mistakes))


def _encode_moment(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)
