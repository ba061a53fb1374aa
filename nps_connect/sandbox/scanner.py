"""A mail scanner: opens every link of a mail before its reader does, and submits nothing."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from nps_connect.sandbox.customers import Browser
from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.pages import UnexpectedPage

USER_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) LinkScanner/1.0"
NETWORK_CALLS = (
    "fetch(",
    "XMLHttpRequest",
    "sendBeacon",
    ".submit(",
    ".requestSubmit(",
    ".click(",
    "WebSocket",
    "EventSource",
)
"""What a script needs to send something. Scripts are read, not run: one without these cannot send anything."""


def scan(mail: ReceivedMail, public_url: str, browser: Browser) -> int:
    """Open every link of a mail to the product with HEAD and GET, and everything that its pages load or link to.

    Links to other hosts are not opened: nothing leaves the machine.

    Returns:
        Number of opened survey, unsubscribe and review links.

    Raises:
        UnexpectedPage: a page's script could send something without a click.
        httpx.HTTPError: the server did not respond.
    """
    prefix = f"{public_url}/"
    links = mail.links_to(prefix)
    visited = {_path(link) for link in links}
    for link in links:
        browser.head(link)
        page = browser.open(link)
        for address in _unvisited(page.links, prefix, visited):
            browser.open(address)
        for address in _unvisited(page.parts, prefix, visited):
            _check_script(browser.load_text(address))
    return len(links)


def _unvisited(addresses: Iterable[str], prefix: str, visited: set[str]) -> list[str]:
    """Return addresses with paths that were not visited yet, and mark them as visited."""
    address_by_path = {_path(address): address for address in addresses if address.startswith(prefix)}
    new = [address for path, address in address_by_path.items() if path not in visited]
    visited.update(address_by_path)
    return new


def _path(address: str) -> str:
    return urlsplit(address).path


def _check_script(text: str) -> None:
    calls = [call for call in NETWORK_CALLS if call in text]
    if calls:
        raise UnexpectedPage(f"the page's script could send something by itself ({', '.join(calls)})")
