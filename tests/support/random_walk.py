"""What a bot may do on a page without submitting anything: every input except activating a control."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from typing import Any

PAGE_CONTROLS_SCRIPT = """() => {
  window.keysSeen = 0;
  for (const kind of ["keydown", "keyup"]) addEventListener(kind, () => { window.keysSeen += 1; }, true);
  const all = selector => [...document.querySelectorAll(selector)].filter(
    one => one.type !== "hidden" && one.checkVisibility() && one.tabIndex >= 0);
  const middle = one => { const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; };
  return {
    controls: all("a[href], button, summary, textarea, input").map(middle),
    fields: all("textarea, input").map(one => one.name),
    links: [...document.querySelectorAll("a[href]")].map(one => one.href),
  };
}"""
"""Returns the positions of the controls, the field names and the link targets, and starts counting key events."""

KEYS_RECEIVED_SCRIPT = """async count => {
  for (let tries = 0; tries < 400 && window.keysSeen < count; tries++) await new Promise(done => setTimeout(done, 5));
  return window.keysSeen >= count;
}"""
"""Returns whether the page has received this number of key events. The browser acknowledges them before the page
handles them: a late Tab would move the focus from a field to a button, and the Enter for the field would activate it."""

FOCUS_SCRIPT = """at => {
  const fields = [...document.querySelectorAll("textarea, input")].filter(
    one => one.type !== "hidden" && one.checkVisibility());
  fields[at].focus();
  return document.activeElement === fields[at] ? fields[at].type : "";
}"""
NAVIGATION_KEYS = {
    "ArrowDown": 40,
    "ArrowUp": 38,
    "ArrowLeft": 37,
    "ArrowRight": 39,
    "Home": 36,
    "End": 35,
    "Escape": 27,
}
TAB, ENTER, SPACE = ("Tab", 9, ""), ("Enter", 13, "\r"), (" ", 32, " ")
TYPED_TEXTS = ("spam", "9", "ok", "10")

InputEvent = tuple[str, dict[str, Any]]


async def explore_page(page, wire, rng: random.Random, *, thorough: bool) -> list[str]:
    """Move the mouse over every control, scroll, press Tab, type into the comment; return the page's link targets.

    Buttons, links and disclosures get no Enter and no Space, and nothing is clicked. All other input is real: input
    events of the browser, one after the other.

    Args:
        page: the page.
        wire: its devtools session.
        rng: the random choices.
        thorough: whether to tab through the whole page and use every field.
    """
    content = await page.evaluate(PAGE_CONTROLS_SCRIPT)
    controls, fields = content["controls"], content["fields"]
    rng.shuffle(controls)
    steps = len(controls) + 1 if thorough else rng.randrange(1, 5)
    events = [*(_mouse_move(x, y) for x, y in controls), _scroll(rng), *_tab_presses(rng, steps)]
    await _send_events(wire, events)
    keys = _count_keys(events)
    chosen = range(len(fields)) if thorough else [index for index, name in enumerate(fields) if name == "comment"]
    for field in rng.sample(chosen, len(chosen)):
        if not await page.evaluate(KEYS_RECEIVED_SCRIPT, keys):
            break  # a key event was lost: the focus is unknown
        typing = _type_text(await page.evaluate(FOCUS_SCRIPT, field), rng)
        await _send_events(wire, typing)
        keys += _count_keys(typing)
    return content["links"]


async def _send_events(wire, events: Iterable[InputEvent]) -> None:
    """Send all events without waiting for each one: the browser handles them in order."""
    await asyncio.gather(*(wire.send(method, values) for method, values in events))


def _count_keys(events: Iterable[InputEvent]) -> int:
    return sum(method == "Input.dispatchKeyEvent" for method, _ in events)


def _mouse_move(x: float, y: float) -> InputEvent:
    return "Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y}


def _scroll(rng: random.Random) -> InputEvent:
    wheel = {"type": "mouseWheel", "x": 200, "y": 200, "deltaX": 0, "deltaY": rng.choice((-2000, 120, 2000))}
    return "Input.dispatchMouseEvent", wheel


def _tab_presses(rng: random.Random, steps: int) -> list[InputEvent]:
    """Return Tab presses from control to control, with keys between them that activate nothing."""
    keys = []
    for _ in range(steps):
        keys += _key_press(*TAB)
        if rng.random() < 0.2:
            keys += _type_letter(rng.choice("qxz"))
        elif rng.random() < 0.2:
            keys += _press_arrow(rng)
    return keys


def _type_text(kind: str, rng: random.Random) -> list[InputEvent]:
    """Return typing into the focused field, including Enter and Space, which do not activate a field."""
    if kind == "textarea":
        text = [event for letter in rng.choice(TYPED_TEXTS) for event in _type_letter(letter)]
        return [*text, *_key_press(*ENTER), *_key_press(*SPACE)]
    if kind in {"radio", "checkbox"}:
        return [*_press_arrow(rng), *_key_press(*SPACE), *_key_press(*ENTER)]
    return []


def _type_letter(letter: str) -> list[InputEvent]:
    return _key_press(letter, ord(letter.upper()), letter)


def _press_arrow(rng: random.Random) -> list[InputEvent]:
    name = rng.choice(list(NAVIGATION_KEYS))
    return _key_press(name, NAVIGATION_KEYS[name], "")


def _key_press(name: str, code: int, text: str) -> list[InputEvent]:
    values = {"key": name, "windowsVirtualKeyCode": code}
    down = values | ({"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"})
    return [("Input.dispatchKeyEvent", down), ("Input.dispatchKeyEvent", values | {"type": "keyUp"})]
