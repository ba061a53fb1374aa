"""What a machine does on a page that it has opened: everything, except to press a button."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from typing import Any

SEEN = """() => {
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

SETTLED = """async count => {
  for (let tries = 0; tries < 400 && window.keysSeen < count; tries++) await new Promise(done => setTimeout(done, 5));
  return window.keysSeen >= count;
}"""
"""Whether so many keys have arrived. The browser acknowledges them before the page has done what they do: a Tab on its
way would take the focus from a field, and the Enter for the field would press a button."""

FOCUS = """at => {
  const fields = [...document.querySelectorAll("textarea, input")].filter(
    one => one.type !== "hidden" && one.checkVisibility());
  fields[at].focus();
  return document.activeElement === fields[at] ? fields[at].type : "";
}"""
ARROWS = {"ArrowDown": 40, "ArrowUp": 38, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Escape": 27}
TAB, ENTER, SPACE = ("Tab", 9, ""), ("Enter", 13, "\r"), (" ", 32, " ")
WORDS = ("spam", "9", "ok", "10")

Event = tuple[str, dict[str, Any]]


async def wander(page, wire, chance: random.Random, *, thorough: bool) -> list[str]:
    """Move over every control, scroll, tab some steps, type into the comment; where the page's links lead.

    If thorough, tab through the whole page and use every field. A button, a link or a disclosure gets no Enter and no
    Space, and nothing gets a click. All else is real input: events of the browser's own, one after the other.
    """
    seen = await page.evaluate(SEEN)
    controls, fields = seen["controls"], seen["fields"]
    chance.shuffle(controls)
    steps = len(controls) + 1 if thorough else chance.randrange(1, 5)
    walk = [*(_move(x, y) for x, y in controls), _scroll(chance), *_tabs(chance, steps)]
    await _do(wire, walk)
    keys = _count(walk)
    chosen = range(len(fields)) if thorough else [at for at, name in enumerate(fields) if name == "comment"]
    for field in chance.sample(chosen, len(chosen)):
        if not await page.evaluate(SETTLED, keys):
            break  # a key went astray: whoever types now does not know where
        typing = _typing(await page.evaluate(FOCUS, field), chance)
        await _do(wire, typing)
        keys += _count(typing)
    return seen["links"]


async def _do(wire, events: Iterable[Event]) -> None:
    """Real input. The browser takes the events in their order, so nothing waits for one before the next is sent."""
    await asyncio.gather(*(wire.send(method, values) for method, values in events))


def _count(events: Iterable[Event]) -> int:
    return sum(method == "Input.dispatchKeyEvent" for method, _ in events)


def _move(x: float, y: float) -> Event:
    return "Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y}


def _scroll(chance: random.Random) -> Event:
    wheel = {"type": "mouseWheel", "x": 200, "y": 200, "deltaX": 0, "deltaY": chance.choice((-2000, 120, 2000))}
    return "Input.dispatchMouseEvent", wheel


def _tabs(chance: random.Random, steps: int) -> list[Event]:
    """From control to control, with keys between them that press nothing."""
    keys = []
    for _ in range(steps):
        keys += _key(*TAB)
        if chance.random() < 0.2:
            keys += _letter(chance.choice("qxz"))
        elif chance.random() < 0.2:
            keys += _arrow(chance)
    return keys


def _typing(kind: str, chance: random.Random) -> list[Event]:
    """Into a field that has the focus: Enter and Space as well, for a field is no button."""
    if kind == "textarea":
        text = [event for letter in chance.choice(WORDS) for event in _letter(letter)]
        return [*text, *_key(*ENTER), *_key(*SPACE)]
    if kind in {"radio", "checkbox"}:
        return [*_arrow(chance), *_key(*SPACE), *_key(*ENTER)]
    return []


def _letter(letter: str) -> list[Event]:
    return _key(letter, ord(letter.upper()), letter)


def _arrow(chance: random.Random) -> list[Event]:
    name = chance.choice(list(ARROWS))
    return _key(name, ARROWS[name], "")


def _key(name: str, code: int, text: str) -> list[Event]:
    values = {"key": name, "windowsVirtualKeyCode": code}
    down = values | ({"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"})
    return [("Input.dispatchKeyEvent", down), ("Input.dispatchKeyEvent", values | {"type": "keyUp"})]
