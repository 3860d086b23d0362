"""All pages of the server, found by their routes, and what is demanded of each."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask

PAGES = "pds.web.pages."
UNSAFE = ("unsafe-", "data:", "blob:", "*", "http:", "https:")


def page_routes(app: Flask, verb: str) -> list[str]:
    """The paths that pages answer with this verb; what varies in a path is ``x``."""
    found = {
        re.sub(r"<[^>]+>", "x", rule.rule)
        for rule in app.url_map.iter_rules()
        if app.view_functions[rule.endpoint].__module__.startswith(PAGES)
        and verb in (rule.methods or ())
    }
    return sorted(found)


def policy_of(response: Any) -> dict[str, str]:
    """The Content-Security-Policy by directive."""
    parts = response.headers["Content-Security-Policy"].split("; ")
    return {name: rest for name, _, rest in (part.partition(" ") for part in parts)}


def assert_page_is_locked(response: Any, *, is_http: bool, leads_out: bool = False) -> None:
    """Every header of a page. leads_out: its form may end at an app's address."""
    headers = response.headers
    policy = policy_of(response)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["style-src"] == "'self'"
    assert policy["script-src"].endswith("/static/"), "not where members' uploads are"
    assert leads_out or policy["form-action"] == "'self'"
    sources = [source for rule in policy.values() for source in rule.split()]
    assert [source for source in sources if source.startswith(UNSAFE) and "//" not in source] == []
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-XSS-Protection"] == "0"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] in ("require-corp", "credentialless")
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Pragma"] == "no-cache"
    assert ("Strict-Transport-Security" in headers) is not is_http
    assert headers.get_all("X-Content-Type-Options") == ["nosniff"]


def assert_page_is_well_formed(body: bytes) -> None:
    """One language, one title, one h1, one main; no code and no style in the page itself."""
    text = body.decode()
    assert text.startswith("<!doctype html>\n<html lang=")
    for element in ("title", "h1", "main"):
        assert len(re.findall(rf"<{element}[ >]", text)) == 1, element
    assert '<meta name="robots" content="noindex">' in text
    assert re.findall(r"<script(?![^>]* src=)[^>]*>", text) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text) == []
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids)), "two elements have one id"
    assert set(re.findall(r'<label for="([^"]+)"', text)) <= set(ids)
    described = [
        id_ for each in re.findall(r'aria-describedby="([^"]+)"', text) for id_ in each.split()
    ]
    assert set(described) <= set(ids)
