"""Reads a page as a browser would: its buttons, fields and what refers to what."""

from html.parser import HTMLParser


class ParsedForm(HTMLParser):
    """The buttons and fields of a page."""

    def __init__(self, html):
        super().__init__()
        self.buttons, self.fields, self.ids, self.references = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        at = dict(attrs)
        if tag == "button":
            self.buttons.append(at)
        if tag in {"input", "textarea"}:
            self.fields.append(at)
        self.ids += [at["id"]] if "id" in at else []
        for name in ("for", "aria-describedby", "aria-labelledby"):
            self.references += [at[name]] if name in at else []

    @property
    def scores(self):
        return [button["value"] for button in self.buttons if button.get("name") == "score"]

    @property
    def chosen(self):
        return [one["value"] for one in self.buttons if one.get("name") == "score" and "aria-current" in one]

    @property
    def sends(self):
        return [button["value"] for button in self.buttons if button.get("name") == "send"]
