"""A page that uses every macro, for tests to read and to look at: ``/example?shape=wide``."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, request
from jinja2 import ChoiceLoader, FileSystemLoader

from pds.web.pages import page

HERE = Path(__file__).resolve().parent
TEMPLATE = "example.html"


def add_example(app: Flask) -> None:
    """Give ``app`` the example page, and ``/example/bug``, which fails."""
    assert app.jinja_loader is not None
    app.jinja_env.loader = ChoiceLoader([app.jinja_loader, FileSystemLoader(HERE)])
    app.add_url_rule("/example", "example", _show, methods=["GET", "POST"])
    app.add_url_rule("/example/bug", "example_bug", _fail)


def _show() -> Response:
    return page.render(
        TEMPLATE,
        shape=request.args.get("shape", "narrow"),
        error=request.args.get("error"),
        notice=request.args.get("notice"),
    )


def _fail() -> Response:
    message = "secret detail"
    raise ValueError(message)
