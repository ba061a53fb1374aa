"""What outgoing webhooks cost decisions and submissions, with and without a subscriber.

The variants alternate on one ledger; the least CPU time of a round counts, because other load only adds to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from benchmarks._fixtures import START, ApplicationHarness, ManualClock, databases
from nps_connect import Contact
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create
from nps_connect.ledger.tables import InvitationRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.pages import Submission, SurveyPageRequest
from nps_connect.services.contacts.contact_batch import upsert_contacts
from nps_connect.worker.gc_tuning import reduced_gc

ROUNDS = 8
PEOPLE = 500
"""People of one round; each has one event or one submission."""

SUBMISSION_BATCH = 25
SUBSCRIPTIONS: dict[str, list[str]] = {
    "no receiver": [],
    "a receiver of other types": ["case.solved"],
    "one subscriber": ["decision.made", "response.recorded"],
}
LIMITS = {"unusual": 10_000_000, "surveys_per_day": 10_000_000}

Work = Callable[[ApplicationHarness, range], None]


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Measure CPU time for each event that is decided, and for each submission."""
    with databases() as urls, reduced_gc():
        for name, url in urls.items():
            ledger = Ledger(url, create=True)
            create(ledger)
            applications = {variant: _build(ledger, types) for variant, types in SUBSCRIPTIONS.items()}
            first_id = 0
            for what, work in (("parse and decide", _decide), ("submission", _submit)):
                seconds = dict.fromkeys(applications, float("inf"))
                for turn in range(ROUNDS + 1):  # the first compiles and plans the statements
                    for variant, application in applications.items():
                        first_id += PEOPLE
                        spent = _cpu_seconds(work, application, range(first_id, first_id + PEOPLE))
                        seconds[variant] = min(seconds[variant], spent) if turn else seconds[variant]
                base = seconds["no receiver"]
                for variant, spent in seconds.items():
                    yield f"{name}: {what}, {variant}", PEOPLE, spent, f"CPU time; {spent / base:.2f} of no receiver"
            ledger.close()


def _build(ledger: Ledger, types: list[str]) -> ApplicationHarness:
    from support.webhook_receiver import FakeReceiver

    receiver = {"warehouse": {"plugin": "hooks", "types": types}}
    return ApplicationHarness(ledger, ManualClock(), {"connections": receiver, "limits": LIMITS}, hooks=FakeReceiver())


def _cpu_seconds(work: Work, application: ApplicationHarness, people: range) -> float:
    """Prepare, and return the CPU seconds of the work itself."""
    for number in people:
        application.crm.knows(str(number), f"p{number}@example.com")
    if work is _submit:
        _insert_invitations(application, people)
    started_at = time.process_time()
    work(application, people)
    return time.process_time() - started_at


def _decide(application: ApplicationHarness, people: range) -> None:
    application.webhook(*(application.won(str(number)) for number in people))
    application.run(only="crm/parse")


def _submit(application: ApplicationHarness, people: range) -> None:
    links = application.ctx.links
    for begin in range(people.start, people.stop, SUBMISSION_BATCH):
        submissions = [
            SurveyPageRequest(
                links.survey(f"{number:032x}"),
                application.visit("POST"),
                Submission(score=number % 11, comment="Thank you", is_final=True, do_not_contact=False, language="fr"),
            )
            for number in range(begin, begin + SUBMISSION_BATCH)
        ]
        application.backend.record_visits(submissions)


def _insert_invitations(application: ApplicationHarness, people: range) -> None:
    contacts = [Contact(connection="crm", id=str(number), email=f"p{number}@example.com") for number in people]
    with application.ledger.write() as session:
        stored = upsert_contacts(session, contacts, START)
        columns = {
            "survey": "after-purchase",
            "touchpoint": "purchase",
            "trigger": "t",
            "language": "fr",
            "state": "sent",
        }
        moments = {"created_at": START, "due_at": START, "expires_at": application.clock.now.replace(year=2030)}
        insert_many(
            session,
            InvitationRow,
            [
                {**columns, **moments, "public_id": f"{int(vendor_id):032x}", "contact_id": contact.id}
                for (_, vendor_id), contact in stored.items()
            ],
        )
