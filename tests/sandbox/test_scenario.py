"""The scenario runs against a tiny product that follows the rules, or breaks one of them."""

from __future__ import annotations

import threading
from collections import Counter
from itertools import count
from urllib.parse import parse_qs

import httpx
import pytest

from nps_connect.records.responses import segment_of
from nps_connect.sandbox.capabilities import DemoCapabilities, EventSource
from nps_connect.sandbox.population import PERSONAS, build_population
from nps_connect.sandbox.results import DemoMetrics, ProductReport, observe_effects
from nps_connect.sandbox.sandbox import Sandbox
from nps_connect.sandbox.scenario import FACTS_PER_WEBHOOK, Scenario
from nps_connect.sandbox.verify import find_mismatches
from nps_connect.simulation import SimulatedVendor, VendorEffects, VendorReply, VendorWebhook

PUBLIC_URL = "http://nps.example.com"
SCORES = "".join(f'<button name="score" value="{score}">{score}</button>' for score in range(11))
CAPABILITIES = DemoCapabilities(
    (EventSource("crm", "acme", "deal.won"),), "acme", "acme", "acme", reviews=True, missing=()
)
CUSTOMERS = build_population(len(PERSONAS), seed=11)


class AllInOneVendor(SimulatedVendor):
    """CRM, helpdesk and chat in one vendor; its webhooks contain one fact per line."""

    name = "acme"

    def __init__(self):
        super().__init__()
        self.opted_out = set()
        self.scores, self.comments, self.tickets, self.alerts = {}, {}, {}, []
        self.facts = count(1)

    def handle(self, request):
        return VendorReply(404)

    def state(self):
        return {}

    def environment(self, base_url, connection):
        return {}

    def simulate_event(self, kind, email):
        self.tickets.setdefault(email, ["old ticket"])
        return [f"{kind} {email} {next(self.facts)}"]

    def webhooks(self, facts, url):
        return [VendorWebhook("POST", {}, "\n".join(facts).encode())]

    def opt_out(self, email):
        self.opted_out.add(email)

    def effects(self):
        tickets = {email: tuple(ids) for email, ids in self.tickets.items()}
        return VendorEffects(dict(self.scores), dict(self.comments), tickets, tuple(self.alerts))


class TinyProduct:
    """Accepts webhooks, sends its mails whenever the scenario sleeps, accepts responses."""

    def __init__(self, vendor, mailbox):
        self.vendor, self.mailbox = vendor, mailbox
        self.bodies, self.survey_states, self.scores = [], {}, {}
        self.known_facts, self.duplicate_count, self.scan_count = set(), 0, 0
        self.webhook_status = 200
        self.respects_opt_outs = True
        self.lock = threading.Lock()

    def __call__(self, request):
        kind, _, token = request.url.path.removeprefix("/").partition("/")
        if kind == "hooks":
            return self.receive_webhook(request.content.decode())
        if "LinkScanner" in request.headers["user-agent"]:
            self.scan_count += 1
        if request.method == "POST":
            with self.lock:
                self.submit(token, parse_qs(request.content.decode()))
        form = f'<form method="post" action="/s/{token}">{SCORES}<textarea name="comment"></textarea></form>'
        return httpx.Response(200, html=form)

    def receive_webhook(self, body):
        self.bodies.append(body)
        for fact in body.split("\n"):
            self.duplicate_count += fact in self.known_facts
            self.known_facts.add(fact)
            self.survey_states.setdefault(fact.split()[1], "planned")
        return httpx.Response(self.webhook_status)

    def count_planned_surveys(self, emails):
        return sum(self.survey_states.get(email) == "planned" for email in emails)

    def count_unfinished(self):
        return 0

    def sleep(self, seconds):
        for email in [email for email, state in self.survey_states.items() if state == "planned"]:
            self.survey_states[email] = "sent"
            if not (self.respects_opt_outs and email in self.vendor.opted_out):
                links = [f"{PUBLIC_URL}/s/{email}?score={score}" for score in range(11)]
                self.mailbox.accept("", (email,), "\r\n".join(["", *links]).encode(), authenticated=False)

    def submit(self, email, form):
        score = int(form["score"][0])
        is_first = email not in self.scores
        self.scores[email] = score
        self.vendor.scores[email] = score
        if form.get("comment"):
            self.vendor.comments[email] = form["comment"][0]
        if not is_first:
            return
        lines = ["", f"{PUBLIC_URL}/r/{email}"] if score >= 9 else ["", "care@example.com", f"{PUBLIC_URL}/r/{email}"]
        self.mailbox.accept("", (email,), "\r\n".join(lines).encode(), authenticated=False)
        if score <= 6:
            self.vendor.tickets[email].append("new ticket")
            self.vendor.alerts.append(f"NPS {score}: {next(p.person.name for p in CUSTOMERS if p.email == email)}")


@pytest.fixture
def environment():
    vendor = AllInOneVendor()
    with Sandbox({"acme": vendor}) as sandbox:
        product = TinyProduct(vendor, sandbox.mailbox)
        for customer in CUSTOMERS:
            if customer.person.opted_out:
                vendor.opt_out(customer.email)
        yield sandbox, product


def run_scenario(environment, on_progress=lambda *progress: None):
    sandbox, product = environment
    with httpx.Client(transport=httpx.MockTransport(product)) as client:
        scenario = Scenario(
            sandbox,
            CAPABILITIES,
            CUSTOMERS,
            public_url=PUBLIC_URL,
            observer=product,
            client=client,
            on_progress=on_progress,
            sleep=product.sleep,
        )
        return scenario.run()


def mismatches(environment, log):
    sandbox, product = environment
    responses = Counter(segment_of(score) for score in product.scores.values())
    report = ProductReport(responses, {}, {"succeeded": 1}, product.duplicate_count, product.scan_count)
    metrics = DemoMetrics(
        CUSTOMERS, log, report, observe_effects(sandbox, CAPABILITIES, CUSTOMERS, log, PUBLIC_URL), 1.0
    )
    return find_mismatches(metrics, CAPABILITIES, PUBLIC_URL, lambda mail: "https://reviews.example.com/")


def test_a_correct_product_has_no_mismatches(environment):
    log = run_scenario(environment)
    assert log.problems == []
    assert mismatches(environment, log) == []


def test_some_webhooks_are_resent_with_the_same_content(environment):
    log = run_scenario(environment)
    resent = [customer for customer in CUSTOMERS if customer.persona.webhook_resent]
    assert log.resent == len(resent) == environment[1].duplicate_count
    assert log.facts == len(CUSTOMERS) + sum(customer.persona.has_two_events for customer in CUSTOMERS)


def test_one_webhook_contains_several_facts(environment):
    run_scenario(environment)
    assert max(body.count("\n") + 1 for body in environment[1].bodies) == FACTS_PER_WEBHOOK


def test_customers_opt_out_after_their_survey_is_planned_and_before_it_is_sent(environment):
    run_scenario(environment)
    opted_out = {customer.email for customer in CUSTOMERS if customer.persona.opted_out}
    assert opted_out
    assert environment[0].vendors["acme"].opted_out == opted_out
    assert not any(environment[0].mailbox.mails(email) for email in opted_out)


def test_scanners_open_links_before_and_after_the_response(environment):
    log = run_scenario(environment)
    scanned = [customer for customer in CUSTOMERS if customer.persona.scanned]
    responding = [customer for customer in scanned if customer.segment]
    assert log.scanned_links == 11 * len(scanned) + 12 * len(responding)


def test_progress_of_every_step_reaches_its_total(environment):
    reports = []
    run_scenario(environment, lambda *progress: reports.append(progress))
    last = {step: (done, total) for step, done, total in reports}
    assert set(last) == {
        "webhooks",
        "opted out during the delay",
        "survey mails",
        "mails scanned",
        "survey responses",
        "effects at the vendors",
        "all work finished",
    }
    assert all(done == total for done, total in last.values())


def test_mails_to_people_who_opted_out_are_a_mismatch(environment):
    environment[1].respects_opt_outs = False
    log = run_scenario(environment)
    assert any("opted out" in problem for problem in mismatches(environment, log))


def test_rejected_webhooks_are_a_problem(environment):
    environment[1].webhook_status = 500
    assert any("returned status 500" in problem for problem in run_scenario(environment).problems)


def test_missing_survey_mails_end_the_scenario_with_problems(environment):
    environment[1].sleep = lambda seconds: None
    problems = run_scenario(environment).problems
    assert any(problem.startswith("survey mails: 0 of 22 after") for problem in problems)
    assert any(problem.startswith("effects at the vendors: 0 of") for problem in problems)
