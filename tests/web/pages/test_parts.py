"""The macros that pages are made of: each is in the example page, and the page is sound."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.scenarios.every_page import assert_page_is_well_formed
from tests.web.pages.conftest import Visitor
from tests.web.pages.example import HERE, TEMPLATE

PARTS = Path(__file__).resolve().parents[3] / "pds/web/templates/parts"
NAMES = {
    "forms.html": "f",
    "account.html": "a",
    "client.html": "c",
    "permissions.html": "permissions",
    "pieces.html": "p",
}


@pytest.fixture(scope="session")
def example(visitor: Visitor) -> str:
    response = visitor.get("/example?shape=wide")
    assert response.status_code == 200
    return str(response.text)


def field(example: str, name: str) -> str:
    found = re.search(rf'<(?:input|textarea|select)[^>]* name="{name}"[^>]*>', example)
    assert found, name
    return re.sub(r"\s+", " ", found[0])


@pytest.mark.parametrize("file", sorted(PARTS.glob("*.html")), ids=lambda file: file.name)
def test_every_macro_is_in_the_example(file: Path) -> None:
    macros = re.findall(r"{%-? macro ([a-z]\w*)\(", file.read_text())
    example = (HERE / TEMPLATE).read_text()

    assert macros
    assert [name for name in macros if f" {NAMES[file.name]}.{name}(" not in example] == []


@pytest.mark.parametrize("file", sorted(PARTS.glob("*.html")), ids=lambda file: file.name)
def test_every_macro_is_named_in_the_comment_above_them(file: Path) -> None:
    text = file.read_text()
    comment = text[: text.index("#}")]

    macros = re.findall(r"{%-? macro ([a-z]\w*)\(", text)
    assert [name for name in macros if f"{NAMES[file.name]}.{name}" not in comment] == []


def test_example_is_well_formed(example: str) -> None:
    assert_page_is_well_formed(example.encode())


def test_form_carries_its_token(example: str) -> None:
    assert example.count('<input type="hidden" name="csrf" value="the-token">') == 3


def test_error_and_hint_belong_to_their_field(example: str) -> None:
    email = field(example, "email")

    assert 'aria-describedby="f-email-hint f-email-error" aria-invalid="true"' in email
    assert '<p class="error" id="f-email-error">This is not an e-mail address.</p>' in example
    assert "aria-invalid" not in field(example, "name")
    assert 'aria-describedby="f-name-suffix f-name-hint"' in field(example, "name")


def test_fields_say_what_browsers_may_fill_in(example: str) -> None:
    expected = {
        "identifier": "username",
        "email": "email",
        "password": "current-password",
        "code": "one-time-code",
        "note": "off",
    }
    found = {name: re.search(r'autocomplete="([^"]+)"', field(example, name)) for name in expected}
    assert {name: match and match[1] for name, match in found.items()} == expected
    assert 'type="password"' in field(example, "password")
    assert "value=" not in field(example, "password")
    assert " required" in field(example, "password")
    assert " required" not in field(example, "note")


def test_choice_is_the_one_given(example: str) -> None:
    assert re.findall(r'<option value="(\w)" selected>', example) == ["b"]
    assert re.findall(r'value="(\w+)" checked', example) == ["ours"]


def test_one_item_of_the_navigation_is_the_current_page(example: str) -> None:
    assert re.findall(r'href="([^"]+)" aria-current="page"', example) == ["/example/end"]


def test_where_one_is_in_a_wizard_is_said(example: str) -> None:
    assert re.findall(r'aria-current="step">([^<]+)', example) == ["Password"]


def test_account_without_a_picture_has_its_letter_and_always_one_shade(visitor: Visitor) -> None:
    first, again = visitor.get("/example").text, visitor.get("/example").text

    assert first == again
    assert re.search(r'class="avatar shade-[0-5]" aria-hidden="true">A<', first)


@pytest.mark.parametrize("shape", ["narrow", "middle", "wide"])
def test_shape_is_a_class_of_the_page(visitor: Visitor, shape: str) -> None:
    assert f'<body class="{shape}">' in visitor.get(f"/example?shape={shape}").text
