"""A mail scanner with a real browser opens real mails and their links without activating a control.

`make crawl` runs the same test with every link of a thousand mails, see `crawl.py`.
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

MAILS = 8
LINKS = 2
"""Links of each mail that the browser opens; an HTTP client opens all of them."""

LINKS_PER_MAIL = 14
"""Eleven scores, the page without a score, unsubscribe, privacy notice."""

TABS = 5
SCANNED_SHARE = 12
"""The browser opens one of this number of mails before its delivery; the HTTP client opens all of them."""

ANSWERED = {1: 10, 2: 10, 3: 2}
"""Scores given before the crawl, by person."""

DAYS_AFTER_CRAWL, DAYS_AFTER_RESPONSE = 10, 30
"""Days until every effect of no response and of a response has happened; an open ticket delays a review mail."""

PEOPLE = 4
"""People who respond or unsubscribe after the crawl: one of each kind."""


def links_of(mail):
    """Return all links of a mail in HTML, text and headers, and the page without a score."""
    links = {*mail.links, mail.links[0].partition("?")[0]}
    assert len(links) == LINKS_PER_MAIL
    assert {link.split(":")[1] for link in links} == {"//127.0.0.1"}
    assert all(link in mail.text for link in mail.links)
    return sorted(links)


async def crawl(application, numbers, rng):
    """Send the mails and open their links; returns the mails and the facts for the report."""
    base_url = application.ctx.settings.core.url
    scanned = {f"p{number}@example.com" for number in rng.sample(numbers, max(1, len(numbers) // SCANNED_SHARE))}
    async with open_crawler(application.clock, rng, base_url, tabs=TABS) as browser:
        loop = asyncio.get_running_loop()

        def scan(mail):
            links = links_of(mail)
            with HttpCrawler(rng) as client:
                client.call("HEAD", rng.choice(links))
                client.call("GET", rng.choice(mail.links_to(f"{base_url}/s/")))
            if mail.to[0] in scanned:
                opening = browser.open(rng.choice(links), "before delivery")
                asyncio.run_coroutine_threadsafe(opening, loop).result(60)

        application.gateway.scan = scan
        await asyncio.to_thread(application.invite, numbers)
        mails = [mail for mail in application.gateway.mails() if mail.links_to(f"{base_url}/s/")]
        links = [link for mail in mails for link in links_of(mail)]
        links_to_open = crawl_options.int_from_environment(crawl_options.LINKS, LINKS)
        chosen = [link for mail in mails for link in rng.sample(links_of(mail), links_to_open)]
        http_crawl = asyncio.create_task(
            asyncio.to_thread(crawl_over_http, links, application.clock, random.Random(rng.random()))
        )
        progress = CrawlProgress(len(chosen))
        async with aclosing(browser.crawl(chosen, mails)) as steps:
            async for done in steps:
                if progress.is_time_to_work(done):
                    await asyncio.to_thread(application.run)
                if progress.is_over(done) or browser.submissions:
                    break
        seconds = progress.seconds
        calls = await http_crawl
    facts = {
        "mails": len(mails),
        "links": len(links),
        "opened": dict(browser.opened),
        "plain": calls,
        "lost": browser.reloads,
        "tabs": TABS,
        "seconds": seconds,
    }
    assert browser.submissions == []
    assert set(browser.methods) == {"GET"}
    assert browser.hosts == {"127.0.0.1"}
    assert browser.errors == []
    assert [new for old, new in browser.reloads if new != old] == [], "no page navigates by itself"
    return mails, facts


@pytest.mark.timeout(crawl_options.int_from_environment(crawl_options.IDLE_TIMEOUT, 240))
def test_a_scanner_with_a_browser_confirms_nothing_stops_nothing_and_causes_nothing(ledger, clock, tmp_path):
    rng = random.Random(seed := crawl_options.int_from_environment(crawl_options.SEED, 23))
    first = len(ANSWERED) + 1
    mails = crawl_options.int_from_environment(crawl_options.MAILS, MAILS)
    with smtp_application(ledger, clock) as application:
        application.invite(range(1, first))
        for number, score in ANSWERED.items():
            application.answer(application.token_of(number), score)
        application.advance_days(DAYS_AFTER_RESPONSE)
        side_effects = SideEffects(application, tmp_path)
        before = side_effects.effects()
        assert side_effects.report() == {"score": 33.3, "responses": 3, "provisional_share": 0.0}

        numbers = range(first, first + mails - len(ANSWERED))
        crawled, facts = asyncio.run(crawl(application, numbers, rng))
        assert len(crawled) == mails
        visits = application.wait_for_page_views()
        application.run()

        assert application.watched.count("POST") == 0
        assert application.watched.prefetched > 0
        assert side_effects.effects() == before
        unconfirmed = side_effects.provisional()
        assert 0 < len(unconfirmed) <= len(numbers)
        report = side_effects.report()
        assert (report["score"], report["responses"]) == (33.3, 3)
        assert report["provisional_share"] == pytest.approx(len(unconfirmed) / (len(unconfirmed) + 3), abs=0.001)
        signs = side_effects.signs()
        assert signs["head"] == application.watched.count("HEAD", path="/s/")
        assert signs["fast"] >= len(numbers)
        assert signs["several"] > 0

        application.gateway.scan = lambda _mail: None
        application.advance_days(DAYS_AFTER_CRAWL)
        assert side_effects.effects() == before
        second = side_effects.follow_up_mails(numbers)
        assert set(second) <= {"reminder", "confirm"}
        assert sum(second.values()) == len(numbers)
        assert {application.page_of(number).state for number in numbers} == {"open"}

        did = asyncio.run(side_effects.submit_as_customers(rng.sample(numbers, PEOPLE)))
        application.advance_days(DAYS_AFTER_RESPONSE)
        scores = {str(number): SCORES[kind] for number, kind in did.items() if kind in SCORES}
        unhappy = list(scores.values()).count(SCORES["detractor"])
        now = side_effects.effects()
        assert application.watched.count("POST") == PEOPLE
        assert now["confirmed"] - before["confirmed"] == now["revisions"] - before["revisions"] == len(scores)
        assert now["scores"] == before["scores"] | scores
        assert now["opt_outs"] - before["opt_outs"] == PEOPLE - len(scores)
        assert now["stopped"] - before["stopped"] == 2 * (PEOPLE - len(scores))  # the person and the mailbox
        assert {now[key] - before[key] for key in ("cases", "tickets", "alerts")} == {unhappy}
        assert now["review mails"] - before["review mails"] == len(scores)
    crawl_options.write_report(facts | {"seed": seed, "visits": visits, "signs": dict(signs), "second": dict(second)})
