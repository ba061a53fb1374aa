"""The play meets a tiny product that keeps the rules, or breaks one of them."""

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

HOUSE = "http://nps.example.com"
SCORES = "".join(f'<button name="score" value="{score}">{score}</button>' for score in range(11))
ROLES = DemoCapabilities((EventSource("crm", "acme", "deal.won"),), "acme", "acme", "acme", reviews=True, missing=())
PEOPLE = build_population(len(PERSONAS), seed=11)


class Everything(SimulatedVendor):
    """CRM, helpdesk and bell in one; its webhooks hold one fact a line."""

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
        self.tickets.setdefault(email, ["an old one"])
        return [f"{kind} {email} {next(self.facts)}"]

    def webhooks(self, facts, url):
        return [VendorWebhook("POST", {}, "\n".join(facts).encode())]

    def opt_out(self, email):
        self.opted_out.add(email)

    def effects(self):
        tickets = {email: tuple(ids) for email, ids in self.tickets.items()}
        return VendorEffects(dict(self.scores), dict(self.comments), tickets, tuple(self.alerts))


class TinyProduct:
    """Believes webhooks, sends its mails when somebody waits for them, takes answers."""

    def __init__(self, vendor, mailbox):
        self.vendor, self.mailbox = vendor, mailbox
        self.bodies, self.asked, self.answered = [], {}, {}
        self.known, self.twice, self.scans = set(), 0, 0
        self.webhook_status = 200
        self.heeds_opt_outs = True
        self.lock = threading.Lock()

    def __call__(self, request):
        room, _, token = request.url.path.removeprefix("/").partition("/")
        if room == "hooks":
            return self.take(request.content.decode())
        if "LinkScanner" in request.headers["user-agent"]:
            self.scans += 1
        if request.method == "POST":
            with self.lock:
                self.answer(token, parse_qs(request.content.decode()))
        form = f'<form method="post" action="/s/{token}">{SCORES}<textarea name="comment"></textarea></form>'
        return httpx.Response(200, html=form)

    def take(self, body):
        self.bodies.append(body)
        for fact in body.split("\n"):
            self.twice += fact in self.known
            self.known.add(fact)
            self.asked.setdefault(fact.split()[1], "planned")
        return httpx.Response(self.webhook_status)

    def planned(self, emails):
        return sum(self.asked.get(email) == "planned" for email in emails)

    def unfinished(self):
        return 0

    def sleep(self, seconds):
        for email in [email for email, state in self.asked.items() if state == "planned"]:
            self.asked[email] = "sent"
            if not (self.heeds_opt_outs and email in self.vendor.opted_out):
                links = [f"{HOUSE}/s/{email}?score={score}" for score in range(11)]
                self.mailbox.accept("", (email,), "\r\n".join(["", *links]).encode(), authenticated=False)

    def answer(self, email, form):
        score = int(form["score"][0])
        first = email not in self.answered
        self.answered[email] = score
        self.vendor.scores[email] = score
        if form.get("comment"):
            self.vendor.comments[email] = form["comment"][0]
        if not first:
            return
        words = ["", f"{HOUSE}/r/{email}"] if score >= 9 else ["", "care@example.com", f"{HOUSE}/r/{email}"]
        self.mailbox.accept("", (email,), "\r\n".join(words).encode(), authenticated=False)
        if score <= 6:
            self.vendor.tickets[email].append("a new one")
            self.vendor.alerts.append(f"NPS {score}: {next(p.person.name for p in PEOPLE if p.email == email)}")


@pytest.fixture
def stage():
    vendor = Everything()
    with Sandbox({"acme": vendor}) as sandbox:
        product = TinyProduct(vendor, sandbox.mailbox)
        for one in PEOPLE:
            if one.person.opted_out:
                vendor.opt_out(one.email)
        yield sandbox, product


def perform(stage, heard=None):
    sandbox, product = stage
    told = heard if heard is not None else []
    with httpx.Client(transport=httpx.MockTransport(product)) as client:
        play = Scenario(
            sandbox,
            ROLES,
            PEOPLE,
            public_url=HOUSE,
            observer=product,
            client=client,
            tell=lambda *what: told.append(what),
            sleep=product.sleep,
        )
        return play.run()


def balance(stage, record):
    sandbox, product = stage
    responses = Counter(segment_of(score) for score in product.answered.values())
    told = ProductReport(responses, {}, {"succeeded": 1}, product.twice, product.scans)
    figures = DemoMetrics(PEOPLE, record, told, observe_effects(sandbox, ROLES, PEOPLE, record, HOUSE), 1.0)
    return find_mismatches(figures, ROLES, HOUSE, lambda mail: "https://reviews.example.com/")


def test_with_a_product_that_keeps_the_rules_everything_balances(stage):
    record = perform(stage)
    assert record.problems == []
    assert balance(stage, record) == []


def test_some_webhooks_come_again_with_the_same_content(stage):
    record = perform(stage)
    resent = [one for one in PEOPLE if one.persona.webhook_resent]
    assert record.resent == len(resent) == stage[1].twice
    assert record.facts == len(PEOPLE) + sum(one.persona.has_two_events for one in PEOPLE)


def test_one_webhook_holds_several_facts(stage):
    perform(stage)
    assert max(body.count("\n") + 1 for body in stage[1].bodies) == FACTS_PER_WEBHOOK


def test_people_opt_out_when_their_survey_is_planned_and_before_it_is_sent(stage):
    perform(stage)
    leaving = {one.email for one in PEOPLE if one.persona.opted_out}
    assert leaving
    assert stage[0].vendors["acme"].opted_out == leaving
    assert not any(stage[0].mailbox.mails(email) for email in leaving)


def test_scanners_open_links_before_and_after_the_answer(stage):
    record = perform(stage)
    guarded = [one for one in PEOPLE if one.persona.scanned]
    answering = [one for one in guarded if one.segment]
    assert record.scanned == 11 * len(guarded) + 12 * len(answering)


def test_progress_is_told_up_to_the_end(stage):
    heard = []
    perform(stage, heard)
    last = {what: (done, total) for what, done, total in heard}
    assert set(last) == {
        "webhooks",
        "opted out during the delay",
        "survey mails",
        "mails scanned",
        "people at their mail",
        "effects at the vendors",
        "nothing is left to do",
    }
    assert all(done == total for done, total in last.values())


def test_a_product_that_mails_people_who_opted_out_is_found_out(stage):
    stage[1].heeds_opt_outs = False
    record = perform(stage)
    assert any("opted out" in problem for problem in balance(stage, record))


def test_a_product_that_refuses_webhooks_is_found_out(stage):
    stage[1].webhook_status = 500
    assert any("answered with 500" in problem for problem in perform(stage).problems)


def test_a_product_that_never_sends_is_given_up_on(stage):
    stage[1].sleep = lambda seconds: None
    problems = perform(stage).problems
    assert any(problem.startswith("survey mails: 0 of 22 after") for problem in problems)
    assert any(problem.startswith("effects at the vendors: 0 of") for problem in problems)
