"""A browser without a screen: keeps cookies, reads forms out of pages and sends them.

    page = browser.open("/account/sign-in")
    page = browser.submit(page.form(), identifier="alice.test", password="…", remember=True)

It says where a request comes from as browsers do, follows redirects within the server, and stops at
one that leads out: ``page.leads_to``. Scripts it does not run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin

from tests.web.harness import Answer, Running

ORIGIN = "http://localhost:2583"
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) Hearth/1.0"
MAX_REDIRECTS = 5
_VOID = frozenset({"input", "meta", "link", "img", "br", "hr"})


@dataclass
class Field:
    """What a form sends for one of its controls, if it is on. kind: its type, or the element."""

    name: str
    value: str
    kind: str
    is_on: bool = True
    is_fixed: bool = False
    autocomplete: str = ""


@dataclass
class Form:
    action: str
    method: str
    fields: list[Field] = field(default_factory=list)
    buttons: list[Field] = field(default_factory=list)

    def __getitem__(self, name: str) -> Field:
        """The one control of this name."""
        [found] = [one for one in self.fields if one.name == name]
        return found

    def __contains__(self, name: str) -> bool:
        return any(one.name == name for one in self.fields)

    def filled(
        self,
        values: Mapping[str, str | bool],
        button: str | None,
        without: Mapping[str, Collection[str]],
    ) -> list[tuple[str, str]]:
        """What is sent. values: by name, for a checkbox whether it is ticked. button: its value.

        without: values that are unticked, by name.
        """
        unknown = [name for name in values if name not in self]
        assert not unknown, f"no such control: {unknown}"
        sent = []
        for one in self.fields:
            given = values.get(one.name)
            is_on = given if isinstance(given, bool) else one.is_on
            if is_on and one.value not in without.get(one.name, ()):
                sent.append((one.name, given if isinstance(given, str) else one.value))
        pressed = [one for one in self.buttons if button is None or one.value == button]
        assert pressed, f"no such button: {button}"
        return sent + [(one.name, one.value) for one in pressed[:1] if one.name]


class _Reader(HTMLParser):
    """Takes a page apart."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.words: list[str] = []
        self.headings: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._form: Form | None = None
        self._open: list[str] = []
        self._link = ""
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.elements.append((tag, given))
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag == "a" and "href" in given:
            self._link = given["href"]
        elif tag == "h1":
            self.headings.append("")
        elif tag == "select":
            self._select = given["name"]
        elif self._form is not None:
            self._control(self._form, tag, given, set(given))

    def _control(self, form: Form, tag: str, given: dict[str, str], flags: set[str]) -> None:
        kind = given.get("type", "submit" if tag == "button" else "text")
        value = given.get("value", "on" if kind in ("checkbox", "radio") else "")
        is_on = "checked" in flags if kind in ("checkbox", "radio") else "disabled" not in flags
        name, hint = given.get("name", ""), given.get("autocomplete", "")
        if tag == "button" or kind == "submit":
            form.buttons.append(Field(name, value, kind))
        elif tag == "input" and name:
            form.fields.append(Field(name, value, kind, is_on, "readonly" in flags, hint))
        elif tag == "textarea":
            form.fields.append(Field(name, "", tag))
        elif tag == "option":
            form.fields.append(Field(self._select, value, tag, "selected" in flags))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass
        if tag == "form":
            self._form = None
        elif tag == "a":
            self._link = ""

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if not text or {"style", "script"} & set(self._open):
            return
        if "title" not in self._open:
            self.words.append(text)
        if "h1" in self._open:
            self.headings[-1] = f"{self.headings[-1]} {text}".strip()
        if self._link:
            self.links[text] = self._link


class Page:
    """What came of a request. ``leads_to``: an address outside to which it sends the browser."""

    def __init__(self, address: str, answer: Answer) -> None:
        self.address = address
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.body
        self.html = answer.body.decode(errors="replace")
        self.leads_to: str | None = None
        reader = _Reader()
        if "html" in answer.headers.get("Content-Type", ""):
            reader.feed(self.html)
            reader.close()
        self.forms = reader.forms
        self.links = reader.links
        self.headings = reader.headings
        self.elements = reader.elements
        self.text = " ".join(reader.words)

    @property
    def heading(self) -> str:
        [found] = self.headings
        return found

    def form(self, action: str = "") -> Form:
        """The form whose address begins so; without one, the only form there is."""
        [found] = [one for one in self.forms if one.action.startswith(action)]
        return found


class TestBrowser:
    """One browser: its cookies, its name, and where it is. ``is_old``: it has no Sec-Fetch."""

    __test__ = False

    def __init__(
        self, web: Running, *, origin: str = ORIGIN, user_agent: str = USER_AGENT, ip: str = ""
    ) -> None:
        self._web = web
        self.origin = origin
        self.user_agent = user_agent
        self.ip = ip
        self.is_old = False
        self.cookies: dict[str, str] = {}
        self.attributes: dict[str, str] = {}
        """What was said about each cookie when it was set last."""

    def open(
        self, address: str, *, site: str = "none", headers: Mapping[str, str | None] | None = None
    ) -> Page:
        """Go to a page. site: where the link is, as Sec-Fetch-Site says it.

        headers: others than a browser would send, None for those it should leave out.
        """
        return self._go("GET", address, None, site, headers or {})

    def submit(
        self,
        form: Form,
        *,
        button: str | None = None,
        without: Mapping[str, Collection[str]] | None = None,
        headers: Mapping[str, str | None] | None = None,
        **values: str | bool,
    ) -> Page:
        """Fill in a form and send it by its first button, or by the one with this value."""
        body = urlencode(form.filled(values, button, without or {}))
        if form.method == "get":
            return self._go("GET", f"{form.action}?{body}", None, "same-origin", headers or {})
        return self._go("POST", form.action, body, "same-origin", headers or {})

    def send(
        self,
        address: str,
        body: str | None,
        method: str = "POST",
        headers: Mapping[str, str | None] | None = None,
    ) -> Page:
        """Send a body that no form has made."""
        return self._go(method, address, body, "same-origin", headers or {})

    def _go(
        self, method: str, address: str, body: str | None, site: str, odd: Mapping[str, str | None]
    ) -> Page:
        for _ in range(MAX_REDIRECTS):
            path = urljoin(self.origin, address).removeprefix(self.origin)
            answer = self._web.request(method, path, body, self._headers(method, site, odd))
            self._take_cookies(answer)
            page = Page(path, answer)
            if answer.status not in (301, 302, 303, 307):
                return page
            target = urljoin(self.origin + path, answer.headers["Location"])
            if not target.startswith(self.origin + "/"):
                page.leads_to = target
                return page
            method, body, address = "GET", None, target
        message = f"redirected again and again, to {address}"
        raise AssertionError(message)

    def _headers(self, method: str, site: str, odd: Mapping[str, str | None]) -> dict[str, str]:
        sent: dict[str, str | None] = {
            "User-Agent": self.user_agent,
            "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
        }
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self.ip:
            sent["X-Forwarded-For"] = self.ip
        if method not in ("GET", "HEAD"):
            sent["Origin"] = self.origin
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        if not self.is_old:
            sent["Sec-Fetch-Site"] = site
            sent["Sec-Fetch-Mode"] = "navigate"
            sent["Sec-Fetch-Dest"] = "document"
        sent.update(odd)
        return {name: value for name, value in sent.items() if value is not None}

    def _take_cookies(self, answer: Answer) -> None:
        for line in answer.headers.get_all("Set-Cookie") or []:
            pair, _, attributes = line.partition(";")
            name, _, value = pair.partition("=")
            self.attributes[name] = attributes.strip()
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
