"""A browser without scripts: keeps cookies, fills in the form it sees, follows redirects."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from tests.web.harness import Answer, Running

ACCEPT = "text/html,application/xhtml+xml,*/*;q=0.8"


@dataclass
class Form:
    """A form as it stands on a page: where it goes, and what its fields hold."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given["action"], given.get("method", "get")))
        elif not self.forms:
            return
        fields = self.forms[-1].fields
        if tag == "input" and given.get("type") not in ("checkbox", "radio"):
            fields[given["name"]] = given.get("value", "")
        elif tag == "input" and "checked" in given:
            fields[given["name"]] = given.get("value", "on")
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and self._select is not None:
            fields.setdefault(self._select, given["value"])
            if "selected" in given:
                fields[self._select] = given["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None


class FormBrowser:
    """One person's browser at a running server."""

    def __init__(self, web: Running, user_agent: str = "Mozilla/5.0 Firefox/140.0") -> None:
        self.web = web
        self.cookies: dict[str, str] = {}
        self.user_agent = user_agent
        self.path = ""
        self.answer = Answer(0, {}, b"")

    @property
    def text(self) -> str:
        return self.answer.body.decode()

    @property
    def form(self) -> Form:
        """The first form of the page."""
        found = _Forms()
        found.feed(self.text)
        assert found.forms, self.text
        return found.forms[0]

    def open(self, path: str, **headers: str) -> Answer:
        return self._ask("GET", path, None, headers)

    def fill(self, **typed: str) -> Answer:
        """Fill in the form of the page, send it and follow where it leads."""
        form = self.form
        unknown = set(typed) - set(form.fields)
        assert not unknown, f"the page has no field {unknown}"
        return self.send(form, {}, **typed)

    def send(self, form: Form, headers: dict[str, str], **typed: str) -> Answer:
        said = urlencode({**form.fields, **typed})
        if form.method == "get":
            return self._ask("GET", f"{form.action}?{said}", None, headers)
        given = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return self._ask("POST", form.action, said, given)

    def error_of(self, name: str) -> str:
        """What is wrong with a field, as it is told to who cannot see it."""
        found = re.search(rf'<p class="error" id="f-{name}-error">(.*?)</p>', self.text, re.DOTALL)
        assert found, self.text
        tag = re.search(rf'<input id="f-{name}"[^>]*>', self.text)
        assert tag
        assert f"f-{name}-error" in tag[0]
        return found[1]

    def _ask(self, verb: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        sent = {"Accept": ACCEPT, "User-Agent": self.user_agent, **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.answer, self.path = self.web.request(verb, path, body, sent), path
        for line in self.answer.headers.get_all("Set-Cookie") or ():
            cookies = SimpleCookie(line)
            self.cookies.update({name: found.value for name, found in cookies.items()})
        location = self.answer.headers["Location"]
        if self.answer.status == 303 and location.startswith("/"):
            return self._ask("GET", location, None, {})
        return self.answer
