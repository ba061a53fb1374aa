"""What a machine does on a page that it has opened: everything, except to press a button."""

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
"""Where its controls are, what its fields are called, and where its links lead. From now on keys are counted."""

KEYS_RECEIVED_SCRIPT = """async count => {
  for (let tries = 0; tries < 400 && window.keysSeen < count; tries++) await new Promise(done => setTimeout(done, 5));
  return window.keysSeen >= count;
}"""
"""Whether so many keys have arrived. The browser acknowledges them before the page has done what they do: a Tab on its
way would take the focus from a field, and the Enter for the field would press a button."""

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


async def explore_page(page, wire, chance: random.Random, *, thorough: bool) -> list[str]:
    """Move over every control, scroll, tab some steps, type into the comment; where the page's links lead.

    If thorough, tab through the whole page and use every field. A button, a link or a disclosure gets no Enter and no
    Space, and nothing gets a click. All else is real input: events of the browser's own, one after the other.
    """
    seen = await page.evaluate(PAGE_CONTROLS_SCRIPT)
    controls, fields = seen["controls"], seen["fields"]
    chance.shuffle(controls)
    steps = len(controls) + 1 if thorough else chance.randrange(1, 5)
    walk = [*(_mouse_move(x, y) for x, y in controls), _scroll(chance), *_tab_presses(chance, steps)]
    await _send_events(wire, walk)
    keys = _count_keys(walk)
    chosen = range(len(fields)) if thorough else [at for at, name in enumerate(fields) if name == "comment"]
    for field in chance.sample(chosen, len(chosen)):
        if not await page.evaluate(KEYS_RECEIVED_SCRIPT, keys):
            break  # a key went astray: whoever types now does not know where
        typing = _type_text(await page.evaluate(FOCUS_SCRIPT, field), chance)
        await _send_events(wire, typing)
        keys += _count_keys(typing)
    return seen["links"]


async def _send_events(wire, events: Iterable[InputEvent]) -> None:
    """Real input. The browser takes the events in their order, so nothing waits for one before the next is sent."""
    await asyncio.gather(*(wire.send(method, values) for method, values in events))


def _count_keys(events: Iterable[InputEvent]) -> int:
    return sum(method == "Input.dispatchKeyEvent" for method, _ in events)


def _mouse_move(x: float, y: float) -> InputEvent:
    return "Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y}


def _scroll(chance: random.Random) -> InputEvent:
    wheel = {"type": "mouseWheel", "x": 200, "y": 200, "deltaX": 0, "deltaY": chance.choice((-2000, 120, 2000))}
    return "Input.dispatchMouseEvent", wheel


def _tab_presses(chance: random.Random, steps: int) -> list[InputEvent]:
    """From control to control, with keys between them that press nothing."""
    keys = []
    for _ in range(steps):
        keys += _key_press(*TAB)
        if chance.random() < 0.2:
            keys += _type_letter(chance.choice("qxz"))
        elif chance.random() < 0.2:
            keys += _press_arrow(chance)
    return keys


def _type_text(kind: str, chance: random.Random) -> list[InputEvent]:
    """Into a field that has the focus: Enter and Space as well, for a field is no button."""
    if kind == "textarea":
        text = [event for letter in chance.choice(TYPED_TEXTS) for event in _type_letter(letter)]
        return [*text, *_key_press(*ENTER), *_key_press(*SPACE)]
    if kind in {"radio", "checkbox"}:
        return [*_press_arrow(chance), *_key_press(*SPACE), *_key_press(*ENTER)]
    return []


def _type_letter(letter: str) -> list[InputEvent]:
    return _key_press(letter, ord(letter.upper()), letter)


def _press_arrow(chance: random.Random) -> list[InputEvent]:
    name = chance.choice(list(NAVIGATION_KEYS))
    return _key_press(name, NAVIGATION_KEYS[name], "")


def _key_press(name: str, code: int, text: str) -> list[InputEvent]:
    values = {"key": name, "windowsVirtualKeyCode": code}
    down = values | ({"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"})
    return [("Input.dispatchKeyEvent", down), ("Input.dispatchKeyEvent", values | {"type": "keyUp"})]
