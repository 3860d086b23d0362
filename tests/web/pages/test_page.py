"""What every page says to browsers in its headers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from pds.web.pages import page
from tests.scenarios.every_page import policy_of
from tests.web.pages.conftest import Visitor, visitor_of

LOGO = "https://cdn.example.com:8443/logo.svg"


@pytest.fixture
def app(visitor: Visitor) -> Flask:
    return visitor.client.application


def render(app: Flask, template: str = "code_taken.html", **how: Any) -> Any:
    with app.test_request_context("/"):
        return page.render(template, title="x", **how)


def test_policy_of_a_plain_page(app: Flask) -> None:
    assert policy_of(render(app)) == {
        "default-src": "'none'",
        "script-src": "https://pds.example.com/static/",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "upgrade-insecure-requests": "",
    }


def test_form_of_a_flow_may_lead_out_to_an_app(app: Flask) -> None:
    assert "form-action" not in policy_of(render(app, flow=True))


def test_pictures_are_allowed_by_their_origin(app: Flask) -> None:
    response = render(app, images=[LOGO, "http://a.b/x", None, LOGO + "?again"])

    assert policy_of(response)["img-src"] == "'self' http://a.b https://cdn.example.com:8443"
    assert response.headers["Cross-Origin-Embedder-Policy"] == "credentialless"
    assert render(app).headers["Cross-Origin-Embedder-Policy"] == "require-corp"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "data:image/png;base64,AA",
            "javascript:alert(1)",
            "ftp://a.b/",
            "//a.b/x",
            "",
            "https://",
        ),
        *("https://a;script-src *", "https://a;b/", "https://a,b/", "https://*/", "https://[::1]/"),
        *("https://a.b:x/", "https://a.b:99999/", "https://'self'/", "https://a\tb/", "https://[/"),
    ],
)
def test_address_that_is_no_origin_allows_nothing(app: Flask, url: str) -> None:
    assert policy_of(render(app, images=[url]))["img-src"] in ("'self'", "'self' https://ab")


def test_captcha_is_allowed_where_it_is_shown(app: Flask) -> None:
    response = render(app, captcha=True)

    policy = policy_of(response)
    for rule in ("script-src", "style-src", "connect-src", "frame-src"):
        assert "https://hcaptcha.com https://*.hcaptcha.com" in policy[rule]
    assert response.headers["Cross-Origin-Embedder-Policy"] == "unsafe-none"


def test_server_without_tls_does_not_ask_for_it() -> None:
    response = visitor_of(public_url="http://localhost:2583").get("/example")

    assert "Strict-Transport-Security" not in response.headers
    assert "upgrade-insecure-requests" not in policy_of(response)


def test_hsts_lasts_two_years(app: Flask) -> None:
    assert render(app).headers["Strict-Transport-Security"] == "max-age=63072000"


def test_browsers_may_do_nothing_special(app: Flask) -> None:
    """Read codes from text messages for ourselves alone, and use no device."""
    allowed = dict(
        part.split("=") for part in render(app).headers["Permissions-Policy"].split(", ")
    )

    assert allowed.pop("otp-credentials") == "(self)"
    assert set(allowed.values()) == {"()"}
    assert {"camera", "geolocation", "microphone", "payment", "usb"} <= set(allowed)


def test_pictures_of_the_operator_are_allowed_on_every_page() -> None:
    visitor = visitor_of(logo_url=LOGO, background_dark_url="https://pictures.example.com/d.png")

    for path in ("/", "/example", "/nothing-here"):
        response = visitor.get(path)
        assert policy_of(response)["img-src"] == (
            "'self' https://cdn.example.com:8443 https://pictures.example.com"
        )
    assert f'src="{LOGO}"' in visitor.get("/").text


def test_layout_says_where_the_operators_documents_are() -> None:
    visitor = visitor_of(
        home_url="https://example.com",
        terms_of_service_url="https://example.com/terms",
        privacy_policy_url="https://example.com/privacy",
        support_url="https://example.com/help?a=1&b=2",
        contact_email_address="ops@example.com",
    )
    text = visitor.get("/example").text

    for rel, href in {
        "canonical": "https://example.com",
        "terms-of-service": "https://example.com/terms",
        "privacy-policy": "https://example.com/privacy",
        "help": "https://example.com/help?a=1&amp;b=2",
        "author": "mailto:ops@example.com",
    }.items():
        assert f'<link rel="{rel}" href="{href}">' in text
        assert f'<a href="{href}">' in text


def test_template_gets_the_token_of_the_browser(app: Flask) -> None:
    shown = render(app, template="example.html", browser=SimpleNamespace(csrf="its-token"))

    assert b'<meta name="token" content="its-token">' in shown.data


def test_name_is_only_text(visitor: Visitor) -> None:
    text = visitor.get("/example").text

    assert "A &lt;b&gt;PDS&lt;/b&gt;" in text
    assert "<b>PDS</b>" not in text


def test_texts_above_the_content_are_only_text(visitor: Visitor) -> None:
    text = visitor.get("/example?error=<script>&notice=<script>").text

    assert text.count("&lt;script&gt;") == 2
    assert 'role="alert">&lt;script&gt;' in text
    assert "<title>Error: Everything at once · " in text


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/html,*/*;q=0.8", True),
        ("*/*", False),
        ("", False),
        ("application/json", False),
        ("text/plain, text/html", False),
    ],
)
def test_browsers_are_told_from_tools(app: Flask, accept: str, wanted: bool) -> None:
    with app.test_request_context("/", headers={"Accept": accept}):
        assert page.wants_html() is wanted


@pytest.mark.parametrize("host", ["127.0.0.1:2583", "[::1]:2583"])
def test_browser_that_opened_a_local_server_by_number_is_led_to_its_name(host: str) -> None:
    local = visitor_of(public_url="http://localhost:2583")
    by_number = {"Host": host, "Sec-Fetch-Mode": "navigate"}

    led = local.get("/example?shape=wide", **by_number)

    assert (led.status_code, led.headers["Location"]) == (
        303,
        "http://localhost:2583/example?shape=wide",
    )
    assert local.get("/example?shape=wide", Host=host).status_code == 200  # a tool
    assert local.get("/example?shape=wide", Host="localhost:2583").status_code == 200
    elsewhere = visitor_of().get("/example?shape=wide", **by_number)
    assert elsewhere.status_code == 200
