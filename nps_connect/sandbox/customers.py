"""Simulated customers, who use the survey mail and the public pages only."""

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
    """Opens pages and submits forms like a browser without JavaScript; follows no redirect to another host.

    Args:
        client: HTTP client without cookies, shared by many customers.
        agent: the User-Agent header.
    """

    def __init__(self, client: httpx.Client, agent: str = PHONE_USER_AGENT) -> None:
        self._client = client
        self._agent = agent

    def open(self, url: str) -> Page:
        """Open a page."""
        return self._page(self._client.get(url, headers={"User-Agent": self._agent}))

    def load_text(self, url: str) -> str:
        """Return the text at an address, such as a script."""
        return self._client.get(url, headers={"User-Agent": self._agent}).text

    def head(self, url: str) -> int:
        """Send a HEAD request and return the status."""
        return self._client.head(url, headers={"User-Agent": self._agent}).status_code

    def submit(self, page: Page, form: Form, values: dict[str, str]) -> Page:
        """Submit a form of a page and return the next page.

        Raises:
            UnexpectedPage: the form would not be posted, or the response is an error.
        """
        if form.method != "post":
            raise UnexpectedPage("a form that changes something must be posted")
        # Pages with the referrer policy `no-referrer` make browsers send this origin with every form.
        headers = {"User-Agent": self._agent, "Origin": "null", "Sec-Fetch-Site": "same-origin"}
        response = self._client.post(form.action, data=values, headers=headers)
        if response.is_redirect:
            return self.open(urljoin(str(response.url), response.headers["location"]))
        if response.is_error:
            raise UnexpectedPage(f"submitting the form returned {response.status_code}")
        return self._page(response)

    @staticmethod
    def _page(response: httpx.Response) -> Page:
        is_html = response.headers.get("content-type", "").startswith("text/html")
        return read_page(str(response.url), response.status_code, response.text if is_html else "")


def score_button_values(form: Form, score: int) -> dict[str, str]:
    """Return the values sent by a press of a score button; a form without score buttons sends its submit button.

    Raises:
        UnexpectedPage: the form has no such score.
    """
    if form.has_field("score", "button"):
        return form.default_values() | {"score": form.button("score", str(score)).value}
    return _selected_values(form, score) | _submit_button_values(form, score)


def full_form_values(form: Form, score: int, comment: str | None) -> dict[str, str]:
    """Return the values sent with a selected score, a comment and the submit button."""
    return _selected_values(form, score) | {"comment": comment or ""} | _submit_button_values(form, score)


def _selected_values(form: Form, score: int) -> dict[str, str]:
    can_select = any(form.has_field("score", kind) for kind in ("choice", "fixed", "text"))
    return form.default_values() | ({"score": str(score)} if can_select else {})


def _submit_button_values(form: Form, score: int) -> dict[str, str]:
    buttons = [field for field in form.fields if field.kind == "button" and field.name != "score"]
    if not buttons:
        return {"score": form.button("score", str(score)).value}
    button = next((button for button in buttons if button.value == str(score)), buttons[0])
    return {button.name: button.value} if button.name else {}


@dataclass(frozen=True)
class PersonalLinks:
    """Finds personal links in mails by the product's fixed paths.

    Attributes:
        public_url: the product's address, without a trailing slash.
    """

    public_url: str

    def survey(self, mail: ReceivedMail, score: int | None = None) -> str:
        """Return the link to the survey page, with the score preselected if one is given.

        Raises:
            UnexpectedPage: the mail has no such link.
        """
        links = mail.links_to(f"{self.public_url}/s/")
        matching = [link for link in links if score is not None and link.endswith(f"score={score}")]
        if not links or (score is not None and not matching):
            raise UnexpectedPage(f"the mail has no survey link for {score}")
        return matching[0] if matching else links[0]

    def review(self, mail: ReceivedMail) -> str | None:
        """Return the link to the review page, or None."""
        return next(iter(mail.links_to(f"{self.public_url}/r/")), None)


def respond_to_mail(customer: Customer, mail: ReceivedMail, links: PersonalLinks, browser: Browser) -> None:
    """Act on a survey mail by the customer's behaviour.

    Raises:
        UnexpectedPage: the page is not what a customer expects.
        httpx.HTTPError: the server did not respond.
    """
    persona = customer.persona
    if persona.behaviour == "ignore":
        return
    page = browser.open(links.survey(mail, persona.score if persona.score is not None else 9))
    if persona.score is None:
        return
    if persona.behaviour == "send":
        form = page.form_with("comment")
        values = full_form_values(form, persona.score, customer.comment)
        _submit_form(browser, page, form, values, twice=persona.double_submits)
        return
    form = page.form_with("score")
    thanks = _submit_form(browser, page, form, score_button_values(form, persona.score), twice=persona.double_submits)
    if persona.behaviour == "press_then_comment":
        next_form = thanks.form_with("comment")
        browser.submit(thanks, next_form, full_form_values(next_form, persona.score, customer.comment))


def _submit_form(browser: Browser, page: Page, form: Form, values: dict[str, str], *, twice: bool) -> Page:
    if not twice:
        return browser.submit(page, form, values)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(browser.submit, page, form, values)
        first = browser.submit(page, form, values)
        second.result()
    return first
