"""Parses a page: buttons, fields, ids and references to ids."""

from html.parser import HTMLParser


class ParsedForm(HTMLParser):
    """The buttons and fields of a page."""

    def __init__(self, html):
        super().__init__()
        self.buttons, self.fields, self.ids, self.references = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "button":
            self.buttons.append(attributes)
        if tag in {"input", "textarea"}:
            self.fields.append(attributes)
        self.ids += [attributes["id"]] if "id" in attributes else []
        for name in ("for", "aria-describedby", "aria-labelledby"):
            self.references += [attributes[name]] if name in attributes else []

    @property
    def scores(self):
        return [button["value"] for button in self.buttons if button.get("name") == "score"]

    @property
    def chosen(self):
        return [
            button["value"] for button in self.buttons if button.get("name") == "score" and "aria-current" in button
        ]

    @property
    def sends(self):
        return [button["value"] for button in self.buttons if button.get("name") == "send"]
