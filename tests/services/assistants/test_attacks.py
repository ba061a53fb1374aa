"""An assistant that obeys hostile comments, and sequences that somebody wrote without knowing the code, have no effect."""

from __future__ import annotations

import base64
import fnmatch
import json
import re
import unicodedata
from pathlib import Path
from urllib.parse import unquote

import pytest
from sqlalchemy import delete, select
from support.application import ApplicationHarness
from support.assistant import OPERATOR, Assistant, stored_rows, vendor_calls
from support.assistant_attack import attack, generate_comments

from nps_connect.errors import OutcomeUnknown, Rejected
from nps_connect.ledger.approvals import ApprovalRow
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.api_requests import PersonReference, ResponseRequest
from nps_connect.records.api_results import ApiCaller, ApiResult, ApiWrite
from nps_connect.sanitization import sanitize_comment
from nps_connect.services.api.writes import execute_writes
from nps_connect.services.approvals.approvals import MAX_OPEN_PLANS, PlanRefused
from nps_connect.services.assistants.plans import approve_plan
from nps_connect.services.assistants.tools import TOOLS

SEQUENCES = [
    json.loads(line)
    for line in Path(__file__).with_name("attack_sequences.jsonl").read_text(encoding="ascii").splitlines()
]
VICTIM = "veronique.dupont-martel@victim.example"
PARTS = ("veronique", "dupont", "martel", "victimexample", "612345678", "ruedeslilas")


def test_an_assistant_that_obeys_comments_has_no_effect(ledger, clock):
    assert attack(ApplicationHarness(ledger, clock), generate_comments(1)) > 500


class Sequence:
    """Runs one sequence against an application whose victim wrote its comment."""

    def __init__(self, application, assistant):
        self.application, self.assistant, self.answers = application, assistant, []

    def run(self, calls):
        for call in calls:
            self.answers.append(self.step(call["tool"], call["arguments"]))

    def step(self, tool, arguments):
        if tool == "@parallel":
            return [self.step(call["tool"], call["arguments"]) for call in arguments["calls"]]
        if tool == "@repeat":
            call = arguments["call"]
            return [self.step(call["tool"], call["arguments"]) for _ in range(min(arguments["times"], 30))]
        if tool == "@operator":
            return self.operate(arguments)
        if tool == "@raw":  # see the test of the stdio server
            return None
        names = [name for name in TOOLS if fnmatch.fnmatch(name, tool)] or [tool.replace("*", "") or "*"]
        return [self.answer(name, self.fill(arguments)) for name in names]

    def operate(self, arguments):
        """Approve where the sequence lets a person approve; other work of people is done by other tests."""
        for command in [*arguments.get("parallel", []), arguments.get("run", "")]:
            with self.application.ledger.read() as session:
                rows = session.execute(select(ApprovalRow.public_id)).scalars().all()
            if "approvals approve" in command and rows:
                try:
                    approve_plan(self.application.ctx, rows[-1], OPERATOR)
                except PlanRefused:
                    return
        return

    def answer(self, name, arguments):
        text = self.assistant.text(name, **arguments) if isinstance(arguments, dict) else "{}"
        assert len(text.encode()) <= 256_000
        assert not re.search(r"Traceback|SELECT |sqlite|/tmp/", text)
        parsed = json.loads(text)
        assert not any(unicodedata.category(character) in ("Cc", "Cf") for character in text)
        return parsed

    def fill(self, value):
        if isinstance(value, dict):
            if "$repeat" in value:
                return value["$repeat"][0] * min(value["$repeat"][1], 100_000)
            if "$nest" in value:
                return json.loads("[" * min(value["$nest"], 200) + "]" * min(value["$nest"], 200))
            return {name: self.fill(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner) for inner in value]
        if value in ("$dead_delivery", "$bounced_delivery", "$ticket_delivery"):
            with self.application.ledger.read() as session:
                states = {"$ticket_delivery": "succeeded"}.get(value, "dead")
                return session.execute(select(DeliveryRow.id).where(DeliveryRow.state == states)).scalars().first()
        if isinstance(value, str) and (match := re.fullmatch(r"\$(\d+)\.(\w+)(?:\[0\]\.(\w+))?", value)):
            found = self.answers[int(match[1]) - 1] if int(match[1]) <= len(self.answers) else None
            found = (found[0] if isinstance(found, list) and found else {}).get(match[2])
            return (found[0]["contact"].get(match[3]) if match[3] and found else found) or value
        return value


def squash(text):
    """Return a text as somebody could read it who undoes all encodings."""
    decoded = [text, unquote(text)]
    for run in re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", text):
        decoded.append(base64.b64decode(run + "=" * (-len(run) % 4), validate=False).decode("utf-8", "replace"))
        if re.fullmatch(r"[0-9a-fA-F]+", run) and len(run) % 2 == 0:
            decoded.append(bytes.fromhex(run).decode("utf-8", "replace"))
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", " ".join(decoded)).casefold())
    return re.sub(r"[\W_]|[\u0300-\u036f]", "", plain)


def store_victim(application, comment):
    """Let the victim, whose ticket is in doubt and whose alert dies, give a response with this comment."""
    name = "Véronique Dupont-Martel"
    if comment and comment.startswith("NAME: "):
        comment, name = None, comment.removeprefix("NAME: ")
    application.bell.raising = [Rejected(f"550 5.1.1 <{VICTIM}> User unknown", status=422, request_id="r")]
    application.desk.raising = [OutcomeUnknown(f"lost <{VICTIM}>")]
    application.crm.knows("1042", VICTIM, name=name)
    request = ResponseRequest(
        survey="after-purchase",
        connection="crm",
        contact=PersonReference(id="1042", email=VICTIM),
        score=2,
        collected_by="phone",
        comment=sanitize_comment(comment),
    )
    [result] = execute_writes(application.ctx, [ApiWrite(ApiCaller(1, "phone", frozenset()), request)])
    assert isinstance(result, ApiResult), result
    application.run()


def check_sequence(application, sequence):
    store_victim(application, sequence["comment"])
    before = stored_rows(application), vendor_calls(application)
    answers = []
    for scopes in ((), ("people",)):
        run = Sequence(application, Assistant(application, *scopes, name="-".join(("key", *scopes))))
        run.run(sequence["calls"])
        answers.append(json.dumps(run.answers, ensure_ascii=False, default=str))
    if not any("approve" in str(call) for call in sequence["calls"] if call["tool"] == "@operator"):
        assert (stored_rows(application), vendor_calls(application)) == before
    with application.ledger.write() as session:
        assert len(session.execute(select(ApprovalRow)).scalars().all()) <= 2 * MAX_OPEN_PLANS
        session.execute(delete(ApprovalRow))
    assert [part for part in PARTS if part in squash(answers[0])] == []
    return squash(answers[1])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_sequences_of_an_independent_attacker_have_no_effect(ledger, clock):
    application, failures, named = ApplicationHarness(ledger, clock), {}, ""
    for sequence in SEQUENCES:
        clock.forward("1m")
        try:
            named += check_sequence(application, sequence)
        except AssertionError as error:
            failures[sequence["name"]] = str(error)[:500]
    assert failures == {}
    assert [part for part in PARTS if part not in named] == []  # with the scope people all of it is there
    assert len(SEQUENCES) == 50
