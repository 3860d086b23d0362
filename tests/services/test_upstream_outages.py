from __future__ import annotations

import logging

import pytest

from pds.services.upstream_outages import MAX_REMEMBERED, Outages

APP_VIEW = "https://api.example.com"


def test_an_outage_is_said_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    outages = Outages()
    with caplog.at_level(logging.INFO, "pds.proxy"):
        outages.answered(APP_VIEW)
        for _ in range(3):
            outages.failed(APP_VIEW, "it did not answer in time")
        outages.answered(APP_VIEW)
        outages.answered(APP_VIEW)
        outages.failed(APP_VIEW, "status 502")

    assert caplog.messages == [
        "https://api.example.com is failing: it did not answer in time",
        "https://api.example.com answers again, after 3 failed calls",
        "https://api.example.com is failing: status 502",
    ]


def test_names_of_strangers_do_not_pile_up() -> None:
    outages = Outages()
    for number in range(3 * MAX_REMEMBERED):
        outages.failed(f"https://{number}.example.com", "gone")

    assert len(outages) <= MAX_REMEMBERED
