"""Every page of the console in a real browser: both languages, phone and desktop, by keyboard, with axe.

Add your pages to `CONSOLE_PAGES` and their data to `seed_console`.
"""

from __future__ import annotations

import socket
import threading

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from sqlalchemy import select
from sqlmodel import col
from support import chromium_browser
from support.application import ApplicationHarness
from support.clock import ManualClock
from support.console import add_console_user
from support.problem_rows import add_problems
from support.sqlite_files import copy_database

from nps_connect.app.web_backend import ApplicationWebBackend
from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ResponseRow
from nps_connect.ledger.users import UserRow
from nps_connect.sandbox.demo_history import insert_demo_history
from nps_connect.services.approvals.approvals import store_plan
from nps_connect.services.cases.case_work import CaseEntry, lock_case, record_call
from nps_connect.services.comments.classify import classify_comments
from nps_connect.services.comments.tags import add_tag
from nps_connect.services.users.one_time_links import create_link
from nps_connect.services.users.sessions import create_session
from nps_connect.web.app import create_app
from nps_connect.web.console.access import SESSION_COOKIE

CONSOLE_PAGES = {
    "overview": "/console/overview?period=12-months",
    "overview-few": "/console/overview?from={day}&until={day}",
    "explore": "/console/explore?by=location&period=12-months",
    "responses": "/console/responses?segment=detractor&period=12-months",
    "response": "/console/responses/{response}",
    "comments": "/console/comments?period=12-months",
    "comments-search": "/console/comments?q=livraison&period=12-months&theme=delivery",
    "cases": "/console/cases",
    "case": "/console/cases/{case}",
    "plans": "/console/plans",
    "plan": "/console/plans/{plan}",
    "problems": "/console/problems",
    "problem": "/console/problems/{worked}",
    "problem-to-fix": "/console/problems/{late}",
    "problem-new": "/console/problems/new",
    "team": "/console/teams/lyon",
    "users": "/console/users",
    "invite": "/console/users/invite",
    "user": "/console/users/{user}",
    "staff-figures": "/console/staff-figures",
    "audit": "/console/audit",
    "account": "/console/account",
    "refused": "/console/nothing",
}
"""Pages that an administrator sees, by the name of their screenshot. A path may hold ``{...}`` from `seed_console`."""

VISITOR_PAGES = {
    "sign-in": "/console/sign-in",
    "forgotten-password": "/console/forgotten-password",
    "choose-password": "/console/password/{token}",
    "link-gone": "/console/password/gone",
}
"""Pages before the sign-in."""

STATUSES = {"refused": 404, "link-gone": 410}
"""Pages that say that there is nothing."""
TEAMS = {"lyon": {"where": 'location == "Lyon"', "members": [f"{name}@example.com" for name in ("ana", "bo", "chloe")]}}

VIEWS = {
    "fr-phone": {"language": "fr", "device": "phone", "scheme": "dark"},
    "en-desktop": {"language": "en", "device": "desktop", "scheme": "light"},
    "en-phone": {"language": "en", "device": "phone", "scheme": "light"},
    "fr-desktop": {"language": "fr", "device": "desktop", "scheme": "dark"},
}
FULL_VIEWS = ("fr-phone", "en-desktop")
"""Both schemes, layouts and languages: here the Tab key and axe pass every page, and its picture is taken.

The other two views add what depends on language and layout together: whether a longer text is cut off.
"""

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
CONTROLS = "a[href]:not([tabindex='-1']), button, input:not([type=hidden], [type=radio]:not(:checked)), select, textarea, summary"
"""Of radio buttons of one name the Tab key reaches the checked one."""

VISIBLE_CONTROLS = f"""() => [...document.querySelectorAll("{CONTROLS}")]
    .filter(control => control.checkVisibility() && !control.disabled).length"""
FOCUS_NUMBER = """() => {
    const focused = document.activeElement;
    if (!focused || focused === document.body) return 0;
    window.reached = window.reached || new Set();
    if (focused.id !== "page") window.reached.add(focused);
    return window.reached.size;
}"""


def seed_console(harness: ApplicationHarness) -> dict[str, str]:
    """Write what the pages show; returns the values that their paths name."""
    now = harness.clock()
    paul = add_console_user(harness, "paul@example.com", "case_worker", name="Paul Bernard", language=None)
    add_console_user(harness, "chloe@example.com", "team_viewer", name="Chloé Petit", team="lyon", language=None)
    insert_demo_history(harness.app.ctx, responses=200)
    classify_comments(harness.app.ctx, {})
    with harness.ledger.read() as session:
        newest = select(ResponseRow).where(col(ResponseRow.score) <= 6, col(ResponseRow.comment).is_not(None))
        response = session.execute(newest.order_by(col(ResponseRow.answered_at).desc()).limit(1)).scalar_one()
        due_first = select(ResponseRow.public_id).join(CaseRow, col(CaseRow.response_id) == col(ResponseRow.id))
        due_first = due_first.where(CaseRow.state == "open").order_by(CaseRow.deadline).limit(1)
        case_id = session.execute(due_first).scalar_one()
    call = CaseEntry(kind="called", call_outcome="not_reached", text="Messagerie, pas de message laissé")
    with harness.ledger.write() as session:
        record_call(harness.app.ctx, session, lock_case(session, case_id), Actor("console", paul.email), call)
    values = {"case": case_id, "response": response.public_id, "day": response.answered_at.date().isoformat()}
    with harness.ledger.write() as session:
        tagged = session.get_one(ResponseRow, response.id)
        add_tag(session, tagged, "à rappeler", actor=Actor("cli", "ops"), now=now)
        plan = store_plan(
            session, public_id="7f3c9a21d0", kind="ask_people", people=24, items=24, planned_by="shop", now=now,
            plan={"arguments": {"survey": "after-purchase"}, "contacts": []}, plan_hash="0" * 64,
        )  # fmt: skip
        user = session.get(UserRow, paul.id)
        values |= {
            "plan": plan.public_id,
            "user": user.public_id,
            "token": create_link(session, user, "invitation", now),
        }
    numbers = {name: str(number) for name, number in add_problems(harness.ctx).items()}
    return values | numbers


@pytest.fixture(scope="module")
def console(sqlite_template, tmp_path_factory):
    """The base URL of a console with data, the session ids of an administrator by language, and the values of paths."""
    path = tmp_path_factory.mktemp("console") / "ledger.db"
    copy_database(sqlite_template, path)
    ledger, clock = Ledger(f"sqlite:///{path}"), ManualClock()
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    core = {"public_url": address, "dimensions": {"location": "shop"}}
    cases = {"phone_field": "phone", "facts": {"Product": "product"}}
    harness = ApplicationHarness(ledger, clock, {"core": core, "cases": cases, "teams": TEAMS})
    sessions = {}
    for language, email in (("en", "claire@example.com"), ("fr", "claire.fr@example.com")):
        user = add_console_user(harness, email, "admin", language=language)
        with ledger.write() as session:
            sessions[language] = create_session(session, user.id, clock())
    values = seed_console(harness)
    app = create_app(ApplicationWebBackend(harness.app.ctx), clock=clock)
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield address, sessions, values
    server.should_exit = True
    thread.join(10)
    listener.close()
    ledger.close()


@pytest.fixture(scope="module")
def windows(chromium, console, devices):
    """Browser windows by view and by whether an administrator is signed in, opened once."""
    address, sessions, _values = console
    opened = {}

    def window(view: str, *, is_signed_in: bool):
        if (view, is_signed_in) in opened:
            return opened[view, is_signed_in]
        options = VIEWS[view]
        context = chromium.new_context(
            **devices[options["device"]],
            color_scheme=options["scheme"],
            locale=options["language"],
            base_url=address,
        )
        if is_signed_in:
            context.add_cookies([{"name": SESSION_COOKIE, "value": sessions[options["language"]], "url": address}])
        page = opened[view, is_signed_in] = context.new_page()
        page.set_default_timeout(10_000)
        page.errors = []
        page.on("console", lambda message: page.errors.append(message.text))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        return page

    yield window
    for page in opened.values():
        page.context.close()


def check_controls(page):
    """Every control is reached by the Tab key, and axe finds nothing."""
    controls = page.evaluate(VISIBLE_CONTROLS)
    for _press in range(2 * controls + 3):  # a date has several stops
        page.keyboard.press("Tab")
        reached = page.evaluate(FOCUS_NUMBER)
        if reached >= controls:
            break
    assert reached >= controls, f"{controls - reached} of {controls} controls are not reached by the keyboard"
    page.evaluate("document.activeElement.blur()")
    rules = Axe().run(page, options=RULES).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in rules] == []


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", [*CONSOLE_PAGES, *VISITOR_PAGES])
def test_a_page_works_by_keyboard_in_both_languages_on_phone_and_desktop(windows, console, screenshot, name, view):
    page = windows(view, is_signed_in=name in CONSOLE_PAGES)
    page.errors.clear()
    path = (CONSOLE_PAGES | VISITOR_PAGES)[name].format(**console[2])
    response = page.goto(path)
    assert response.status == STATUSES.get(name, 200)
    assert page.locator("html").get_attribute("lang") == VIEWS[view]["language"]
    chromium_browser.wait_until_loaded(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    if view in FULL_VIEWS:
        check_controls(page)
        screenshot(page, f"console-{name}-{view}")
    assert page.errors == ([] if name not in STATUSES else page.errors[:1])


@pytest.mark.parametrize("view", FULL_VIEWS)
def test_menus_open_by_keyboard_close_by_escape_and_fit_on_the_smallest_phone(windows, console, view):
    page = windows(view, is_signed_in=True)
    size = page.viewport_size
    page.goto("/console/account")
    page.set_viewport_size({"width": 320 if view.endswith("phone") else size["width"], "height": 640})
    for menu in page.locator(".tools details").all():
        summary = menu.locator("summary")
        summary.focus()
        page.keyboard.press("Enter")
        box = menu.locator("> div").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= page.viewport_size["width"]
        assert Axe().run(page, context=".tools", options=RULES).response["violations"] == []
        page.keyboard.press("Escape")
        assert not menu.locator("> div").is_visible()
        assert summary.evaluate("summary => summary === document.activeElement")
    page.set_viewport_size(size)


def test_a_printed_page_has_no_controls(windows, console):
    page = windows("en-desktop", is_signed_in=True)
    page.emulate_media(media="print")
    page.goto("/console/users")
    assert page.locator("main button:visible, header details:visible, nav:visible, .btn:visible").count() == 0
    assert page.get_by_role("heading", name="Users").is_visible()
    page.emulate_media(media="screen")
