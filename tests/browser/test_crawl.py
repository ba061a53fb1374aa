"""A scanner with a real browser, before real mails: it does everything but press, before and after their delivery.

`make crawl` runs the same with every link of a thousand mails, see `crawl.py`.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing

import pytest
from support import crawl_options
from support.crawl_options import CrawlProgress
from support.crawler import HttpCrawler, crawl_over_http, open_crawler
from support.side_effects import SCORES, SideEffects
from support.smtp_fixture import smtp_application

MAILS = {"sqlite": 24, "postgresql": 8}
LINKS = 2
"""Of each mail, in the browser; a plain client opens all of them."""

ALL = 14
"""Eleven scores, the page without a score, unsubscribe, privacy notice."""

TABS = 5
ON_THE_WAY = 12
"""One of so many mails is opened by the browser before it is delivered; all are by a plain client."""

ANSWERED = {1: 10, 2: 10, 3: 2}
"""Who had answered before the crawl, and what."""

DAYS, LONG = 10, 30
"""Until all that follows a silence has happened; and an answer: a ticket that nobody solves delays a review mail."""

PEOPLE = 4
"""Who answer, or stop the mails, after the crawl: one of each kind."""


def links_of(mail):
    """Everything that a mail leads to, in its HTML, its text and its headers; and the page without a score."""
    links = {*mail.links, mail.links[0].partition("?")[0]}
    assert len(links) == ALL
    assert {link.split(":")[1] for link in links} == {"//127.0.0.1"}
    assert all(link in mail.text for link in mail.links)
    return sorted(links)


async def crawl(application, numbers, chance):
    """Send the mails and open their links; the mails, and what was done."""
    own = application.ctx.settings.core.url
    scanned = {f"p{number}@example.com" for number in chance.sample(numbers, max(1, len(numbers) // ON_THE_WAY))}
    async with open_crawler(application.clock, chance, own, tabs=TABS) as browser:
        loop = asyncio.get_running_loop()

        def scan(mail):
            links = links_of(mail)
            with HttpCrawler(chance) as plain:
                plain.call("HEAD", chance.choice(links))
                plain.call("GET", chance.choice(mail.links_to(f"{own}/s/")))
            if mail.to[0] in scanned:
                one = browser.open(chance.choice(links), "before delivery")
                asyncio.run_coroutine_threadsafe(one, loop).result(60)

        application.gateway.scan = scan
        await asyncio.to_thread(application.invite, numbers)
        mails = [mail for mail in application.gateway.mails() if mail.links_to(f"{own}/s/")]
        links = [link for mail in mails for link in links_of(mail)]
        wanted = crawl_options.int_from_environment(crawl_options.LINKS, LINKS)
        chosen = [link for mail in mails for link in chance.sample(links_of(mail), wanted)]
        plain = asyncio.create_task(
            asyncio.to_thread(crawl_over_http, links, application.clock, random.Random(chance.random()))
        )
        progress = CrawlProgress(len(chosen))
        async with aclosing(browser.crawl(chosen, mails)) as steps:
            async for done in steps:
                if progress.is_time_to_work(done):
                    await asyncio.to_thread(application.run)
                if progress.is_over(done) or browser.sent:
                    break
        seconds = progress.seconds
        calls = await plain
    facts = {
        "mails": len(mails),
        "links": len(links),
        "opened": dict(browser.opened),
        "plain": calls,
        "lost": browser.lost,
        "tabs": TABS,
        "seconds": seconds,
    }
    assert browser.sent == []
    assert set(browser.methods) == {"GET"}
    assert browser.hosts == {"127.0.0.1"}
    assert browser.complaints == []
    assert [now for was, now in browser.lost if now != was] == [], "nothing leads anywhere without a press"
    return mails, facts


@pytest.mark.timeout(crawl_options.int_from_environment(crawl_options.IDLE_TIMEOUT, 240))
def test_a_scanner_with_a_browser_confirms_nothing_stops_nothing_and_causes_nothing(ledger, clock, tmp_path):
    chance = random.Random(seed := crawl_options.int_from_environment(crawl_options.SEED, 23))
    first = len(ANSWERED) + 1
    mails = crawl_options.int_from_environment(crawl_options.MAILS, MAILS[ledger.engine.dialect.name])
    with smtp_application(ledger, clock) as application:
        application.invite(range(1, first))
        for number, score in ANSWERED.items():
            application.answer(application.token_of(number), score)
        application.advance_days(LONG)
        after = SideEffects(application, tmp_path)
        before = after.effects()
        assert after.report() == {"score": 33.3, "responses": 3, "provisional_share": 0.0}

        numbers = range(first, first + mails - len(ANSWERED))
        crawled, facts = asyncio.run(crawl(application, numbers, chance))
        assert len(crawled) == mails
        visits = application.settle()
        application.run()

        assert application.watched.count("POST") == 0
        assert application.watched.prefetched > 0
        assert after.effects() == before
        unconfirmed = after.provisional()
        assert 0 < len(unconfirmed) <= len(numbers)
        told = after.report()
        assert (told["score"], told["responses"]) == (33.3, 3)
        assert told["provisional_share"] == pytest.approx(len(unconfirmed) / (len(unconfirmed) + 3), abs=0.001)
        signs = after.signs()
        assert signs["head"] == application.watched.count("HEAD", path="/s/")
        assert signs["fast"] >= len(numbers)
        assert signs["several"] > 0

        application.gateway.scan = lambda _mail: None
        application.advance_days(DAYS)
        assert after.effects() == before
        second = after.follow_up_mails(numbers)
        assert set(second) <= {"reminder", "confirm"}
        assert sum(second.values()) == len(numbers)
        assert {application.page_of(number).state for number in numbers} == {"open"}

        did = asyncio.run(after.submit_as_customers(chance.sample(numbers, PEOPLE)))
        application.advance_days(LONG)
        scores = {str(number): SCORES[kind] for number, kind in did.items() if kind in SCORES}
        unhappy = list(scores.values()).count(SCORES["detractor"])
        now = after.effects()
        assert application.watched.count("POST") == PEOPLE
        assert now["confirmed"] - before["confirmed"] == now["revisions"] - before["revisions"] == len(scores)
        assert now["scores"] == before["scores"] | scores
        assert now["opt_outs"] - before["opt_outs"] == PEOPLE - len(scores)
        assert now["stopped"] - before["stopped"] == 2 * (PEOPLE - len(scores))  # the person and the mailbox
        assert {now[key] - before[key] for key in ("cases", "tickets", "alerts")} == {unhappy}
        assert now["review mails"] - before["review mails"] == len(scores)
    crawl_options.write_report(facts | {"seed": seed, "visits": visits, "signs": dict(signs), "second": dict(second)})
