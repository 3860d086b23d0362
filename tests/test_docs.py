"""The documentation keeps up: settings, jobs, and links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pds.config import SETTINGS
from pds.jobs.schedule import JOBS, Job
from pds.settings import Setting

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def row_of(setting: Setting) -> str:
    """The line of docs/configuration.md that this setting must have."""
    if setting.effect in ("used", "later"):
        return f"| `{setting.name}` | {setting.default_text} | {setting.help} |"
    return f"| `{setting.name}` | {setting.help} |"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_setting_is_documented_as_it_is(setting: Setting) -> None:
    assert row_of(setting) in (DOCS / "configuration.md").read_text().splitlines()


def test_no_setting_is_documented_that_does_not_exist() -> None:
    text = (DOCS / "configuration.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z0-9_]+)`", text, re.MULTILINE))

    assert documented - {row.name for row in SETTINGS} == {"PDS_ENV_FILE"}


def test_no_setting_is_documented_twice() -> None:
    text = (DOCS / "configuration.md").read_text()
    documented = re.findall(r"^\| `([A-Z0-9_]+)`", text, re.MULTILINE)

    assert len(documented) == len(set(documented))


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_job_is_documented_with_its_interval(job: Job) -> None:
    text = (DOCS / "operations.md").read_text()

    assert re.search(rf"^\| `{job.name}` \| {job.interval} \| .+ \|$", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_into_a_page_name_a_heading_of_it(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text())

    assert [
        f"{name}#{anchor}"
        for name, anchor in targets
        if (page.parent / name).suffix == ".md" or not name
        if anchor not in anchors(page.parent / name if name else page)
    ] == []


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links, as GitHub makes it."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.strip().lower()).replace(" ", "-") for one in headings}


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for name in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            target = (page.parent / name).resolve()
            found = sorted(target.glob("*.md")) if target.is_dir() else [target]
            waiting += [one for one in found if one.suffix == ".md"]

    assert set(DOCS.rglob("*.md")) <= reached


def test_every_run_time_package_is_pinned_and_its_choice_explained() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    explained = (DOCS / "decisions/0009-dependencies.md").read_text()

    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+", pin) for pin in pins)
    assert [pin for pin in pins if f"\n| {pin.partition('==')[0]} |" not in explained] == []


def test_modules_named_in_the_architecture_exist() -> None:
    text = (DOCS / "architecture.md").read_text()
    named = re.findall(r"`((?:pds|tests|static)/[\w/]+(?:\.py)?/?)`", text)

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
