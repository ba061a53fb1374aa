"""What customers do with a survey mail: through the front door only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.pages import Form, Page, UnexpectedPage, read_page
from nps_connect.sandbox.population import Customer

PHONE_USER_AGENT = (
    "Mozilla/5.0 (Linux; Android 14; Mobile) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"
)


class Browser:
    """Opens pages and sends forms as a browser without JavaScript does; follows no redirect to another host.

    Args:
        client: without cookies of its own; shared by many customers.
        agent: what it calls itself.
    """

    def __init__(self, client: httpx.Client, agent: str = PHONE_USER_AGENT) -> None:
        self._client = client
        self._agent = agent

    def open(self, url: str) -> Page:
        """Open an address."""
        return self._page(self._client.get(url, headers={"User-Agent": self._agent}))

    def read(self, url: str) -> str:
        """The text behind an address, such as a script."""
        return self._client.get(url, headers={"User-Agent": self._agent}).text

    def look(self, url: str) -> int:
        """Ask for the head of an address only; the status."""
        return self._client.head(url, headers={"User-Agent": self._agent}).status_code

    def send(self, page: Page, form: Form, values: dict[str, str]) -> Page:
        """Send a form of a page.

        Raises:
            PageSurprise: the form would not be posted, or the answer is an error.
        """
        if form.method != "post":
            raise UnexpectedPage("a form that changes something must be posted")
        # Pages with the referrer policy `no-referrer` make browsers send this origin with every form.
        headers = {"User-Agent": self._agent, "Origin": "null", "Sec-Fetch-Site": "same-origin"}
        answer = self._client.post(form.action, data=values, headers=headers)
        if answer.is_redirect:
            return self.open(urljoin(str(answer.url), answer.headers["location"]))
        if answer.is_error:
            raise UnexpectedPage(f"sending the form was answered with {answer.status_code}")
        return self._page(answer)

    @staticmethod
    def _page(answer: httpx.Response) -> Page:
        is_html = answer.headers.get("content-type", "").startswith("text/html")
        return read_page(str(answer.url), answer.status_code, answer.text if is_html else "")


def score_button_values(form: Form, score: int) -> dict[str, str]:
    """What is sent when somebody presses a score; where scores are only chosen, the first button is pressed then.

    Raises:
        PageSurprise: the score is not on offer.
    """
    if form.has("score", "button"):
        return form.default_values() | {"score": form.button("score", str(score)).value}
    return _selected_values(form, score) | _submit_button_values(form, score)


def full_form_values(form: Form, score: int, comment: str | None) -> dict[str, str]:
    """What is sent when somebody chooses a score, writes a comment and presses the button that sends it."""
    return _selected_values(form, score) | {"comment": comment or ""} | _submit_button_values(form, score)


def _selected_values(form: Form, score: int) -> dict[str, str]:
    choosable = any(form.has("score", kind) for kind in ("choice", "fixed", "text"))
    return form.default_values() | ({"score": str(score)} if choosable else {})


def _submit_button_values(form: Form, score: int) -> dict[str, str]:
    senders = [one for one in form.fields if one.kind == "button" and one.name != "score"]
    if not senders:
        return {"score": form.button("score", str(score)).value}
    button = next((one for one in senders if one.value == str(score)), senders[0])
    return {button.name: button.value} if button.name else {}


@dataclass(frozen=True)
class PersonalLinks:
    """Finds personal links by the product's fixed paths.

    Attributes:
        public_url: the product's address, without a trailing slash.
    """

    public_url: str

    def survey(self, mail: ReceivedMail, score: int | None = None) -> str:
        """The link to the survey page, with a score preselected where one is wanted.

        Raises:
            PageSurprise: the mail has no such link.
        """
        links = mail.links_to(f"{self.public_url}/s/")
        wanted = [link for link in links if score is not None and link.endswith(f"score={score}")]
        if not links or (score is not None and not wanted):
            raise UnexpectedPage(f"the mail has no survey link for {score}")
        return wanted[0] if wanted else links[0]

    def review(self, mail: ReceivedMail) -> str | None:
        """The link to the review page, if there is one."""
        return next(iter(mail.links_to(f"{self.public_url}/r/")), None)


def respond_to_mail(customer: Customer, mail: ReceivedMail, links: PersonalLinks, browser: Browser) -> None:
    """Treat a survey mail by the customer's habit.

    Raises:
        PageSurprise: the page is not what a customer expects.
        httpx.HTTPError: nobody answered.
    """
    part = customer.persona
    if part.behaviour == "ignore":
        return
    page = browser.open(links.survey(mail, part.score if part.score is not None else 9))
    if part.score is None:
        return
    if part.behaviour == "send":
        form = page.form_with("comment")
        values = full_form_values(form, part.score, customer.comment)
        _submit_form(browser, page, form, values, twice=part.double_submits)
        return
    form = page.form_with("score")
    thanks = _submit_form(browser, page, form, score_button_values(form, part.score), twice=part.double_submits)
    if part.behaviour == "press_then_comment":
        more = thanks.form_with("comment")
        browser.send(thanks, more, full_form_values(more, part.score, customer.comment))


def _submit_form(browser: Browser, page: Page, form: Form, values: dict[str, str], *, twice: bool) -> Page:
    if not twice:
        return browser.send(page, form, values)
    with ThreadPoolExecutor(1) as other_hand:
        second = other_hand.submit(browser.send, page, form, values)
        first = browser.send(page, form, values)
        second.result()
    return first
