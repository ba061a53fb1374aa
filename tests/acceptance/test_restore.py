"""A backup is restored: nobody is mailed twice or against their will, and old links act for nobody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from support import torture_options
from support.end_state import (
    EndState,
    held_surveys,
    mails_by_recipient,
    stored_scores,
    tickets_by_email,
    wait_until_idle,
    written_scores,
)
from support.load_generator import LoadGenerator, is_survey_mail, other_score_in_segment, retry_until_success
from support.postgres import dump_database, restore_dump
from support.process_pool import ProcessPool
from support.product_environment import ProductEnvironment, running_product

from nps_connect.sandbox.customers import Browser, PersonalLinks, respond_to_mail
from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.pages import UnexpectedPage
from nps_connect.sandbox.population import Customer

SEED = torture_options.random_seed(71)
PEOPLE = torture_options.customer_count(6)
"""So many people get a mail before the backup, after it, and after the restore."""

MAILS_TIMEOUT_SECONDS = 240.0


@dataclass
class RestoredProduct:
    """A product that was restored from a backup, and what its customers have done.

    Attributes:
        environment: the product.
        before: the load before the restore.
        unsubscribed: the people who unsubscribed after the backup.
        erased: the people who were erased after the backup.
        mail_count: the number of mails that had arrived when they had left.
        client: of everybody who opens pages.
    """

    environment: ProductEnvironment
    before: LoadGenerator
    unsubscribed: set[str]
    erased: set[str]
    mail_count: int
    client: httpx.Client

    def press_old_links(self) -> dict[str, int]:
        """Let everybody respond once more through their old mail; return the accepted scores by address."""
        links, browser = PersonalLinks(self.environment.demo.public_url), Browser(self.client)
        accepted: dict[str, int] = {}
        for customer, mail in surveyed(self.environment, self.before.affected_customers):
            if customer.persona.score is None:
                continue
            score = other_score_in_segment(customer.persona.score)
            changed = replace(customer, persona=replace(customer.persona, score=score, behaviour="press"))
            try:
                respond_to_mail(changed, mail, links, browser)
            except UnexpectedPage:
                continue
            accepted[customer.email] = score
        return accepted


def surveyed(environment: ProductEnvironment, customers: Sequence[Customer]) -> list[tuple[Customer, ReceivedMail]]:
    """Return the customers who have a survey mail, with it, in the order of the mails."""
    by_email = {customer.email: customer for customer in customers}
    mails = [mail for mail in environment.demo.sandbox.mailbox.mails() if mail.to[0] in by_email]
    return [(by_email[mail.to[0]], mail) for mail in mails if is_survey_mail(mail, environment.demo.public_url)]


def wait_for_survey_mails(environment: ProductEnvironment, load_generator: LoadGenerator, count: int) -> None:
    def have_arrived(_mails: list[ReceivedMail]) -> bool:
        return len(surveyed(environment, load_generator.affected_customers)) >= count

    assert environment.demo.sandbox.mailbox.wait_until(have_arrived, MAILS_TIMEOUT_SECONDS)


def unsubscribe(environment: ProductEnvironment, mail: ReceivedMail, client: httpx.Client) -> None:
    [link, *_] = mail.links_to(f"{environment.demo.public_url}/u/")
    retry_until_success(lambda: client.post(link, data={"List-Unsubscribe": "One-Click"}).raise_for_status())


def erase(environment: ProductEnvironment, customer: Customer, client: httpx.Client) -> None:
    """Erase a person at the vendor, which tells the product."""
    vendor = environment.demo.sandbox.vendors[environment.demo.capabilities.sources[0].plugin]
    environment.send_webhooks(vendor.simulate_event("contact.privacy_deleted", customer.email), client)


def lose_time(
    environment: ProductEnvironment, client: httpx.Client, back_up: Callable[[], None], restore: Callable[[], None]
) -> RestoredProduct:
    """Take a backup while the product works, let more happen, and restore it."""
    with environment.load_generator() as before:
        wait_for_survey_mails(environment, before, PEOPLE)
        back_up()
        wait_for_survey_mails(environment, before, 2 * PEOPLE)
    mailed = surveyed(environment, before.affected_customers)
    leaving = [*mailed[: PEOPLE // 2], *mailed[-(PEOPLE // 2) :]]
    for number, (customer, mail) in enumerate(leaving):
        if number % 2:
            erase(environment, customer, client)
        else:
            unsubscribe(environment, mail, client)
    wait_until_idle(before, environment.database_url, MAILS_TIMEOUT_SECONDS)
    emails = [customer.email for customer, _ in leaving]
    mail_count = len(environment.demo.sandbox.mailbox.mails())
    environment.process_group.stop()
    restore()
    environment.process_group.start()
    return RestoredProduct(environment, before, set(emails[::2]), set(emails[1::2]), mail_count, client)


def verify_restored(product: RestoredProduct, after: LoadGenerator, accepted: dict[str, int]) -> EndState:
    """Verify the effects at the vendors, in the mailbox and in the restored database."""
    demo, url, old = product.environment.demo, product.environment.database_url, product.before
    people = {customer.email for customer in old.affected_customers}
    new_people = {customer.email for customer in after.affected_customers}
    surveys, reviews = mails_by_recipient(demo, people | new_people)
    assert surveys == Counter(people | new_people), "one survey mail for everybody, before or after the restore"
    assert set(reviews.values()) <= {1}, "no review invitation arrives twice"
    late = [mail.to[0] for mail in demo.sandbox.mailbox.mails()[product.mail_count :]]
    assert not (product.unsubscribed | product.erased).intersection(late), "nobody who left is mailed"
    held = held_surveys(url)
    assert not new_people.intersection(held), "nothing of new people is in doubt"

    given = {**old.scores, **accepted, **after.scores}
    stored = {email: score for email, score in stored_scores(url).items() if email is not None}
    assert accepted.items() | after.scores.items() <= stored.items(), "every accepted response is stored"
    assert stored.items() <= given.items(), "nobody responded for another person"
    assert not product.erased.intersection(accepted), "links of erased people are dead"
    remaining = {email: score for email, score in given.items() if email not in product.erased}
    assert written_scores(demo, remaining) == remaining, "each contact has the newest score"
    detractors = {email for email, score in given.items() if score <= 6}
    assert tickets_by_email(demo) == dict.fromkeys(detractors, 1), "one ticket per detractor and none for others"
    return EndState(
        len(people | new_people), surveys.total(), len(held), len(held & surveys.keys()), len(given), len(detractors)
    )


def run_with_restore(
    environment: ProductEnvironment, back_up: Callable[[], None], restore: Callable[[], None], what: str
) -> None:
    with httpx.Client(trust_env=False, timeout=60) as client:
        product = lose_time(environment, client, back_up, restore)
        started_count = product.before.started_count
        with environment.load_generator(first_customer=started_count) as after:
            for customer in product.before.affected_customers:
                if customer.email in product.unsubscribed:
                    environment.send_webhooks(simulate_event(environment, customer), client)
                if customer.email not in product.erased:  # the vendor has forgotten who the others are
                    environment.send_webhooks(product.before.facts[customer.email], client)
            accepted = product.press_old_links()
            wait_for_survey_mails(environment, after, PEOPLE)
        torture_options.append_report(what, SEED, verify_restored(product, after, accepted), faults=1)


def simulate_event(environment: ProductEnvironment, customer: Customer) -> list[str]:
    source = environment.demo.capabilities.sources[0]
    return environment.demo.sandbox.vendors[source.plugin].simulate_event(source.kind, customer.email)


def run_successfully(environment: ProductEnvironment, *arguments: str) -> None:
    code, output = environment.run_command(*arguments)
    assert code == 0, output


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_restored_sqlite_database_mails_nobody_twice_or_against_their_will(process_pool: ProcessPool, tmp_path: Path):
    backup = str(tmp_path / "monday.db")
    with running_product(process_pool, tmp_path, SEED) as environment:
        run_with_restore(
            environment,
            lambda: run_successfully(environment, "db", "backup", backup),
            lambda: run_successfully(environment, "db", "restore", backup, "--yes"),
            "database restored, SQLite",
        )


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_a_restored_postgresql_database_mails_nobody_twice_or_against_their_will(
    process_pool: ProcessPool, tmp_path: Path, durable_postgres: str, empty_postgres: str
):
    backup = tmp_path / "monday.dump"
    with running_product(process_pool, tmp_path, SEED, empty_postgres) as environment:

        def restore() -> None:
            restore_dump(durable_postgres, empty_postgres, backup)
            run_successfully(environment, "db", "restored", "--yes")

        run_with_restore(
            environment, lambda: dump_database(empty_postgres, backup), restore, "database restored, PostgreSQL"
        )
