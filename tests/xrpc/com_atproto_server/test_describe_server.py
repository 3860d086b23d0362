"""describeServer: what somebody who thinks of signing up is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.config import Config
from tests.factories import ask, make_config

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.describeServer"


def test_local_server_describes_itself(services: Services) -> None:
    assert ask(services, NSID) == {
        "did": "did:web:localhost",
        "availableUserDomains": [".test"],
        "inviteCodeRequired": False,
        "blobUploadLimit": 5_242_880,
        "links": {},
        "contact": {},
    }


class TestWithEverythingSet:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(
            tmp_path,
            hostname="pds.example.com",
            invite_required="true",
            service_handle_domains=".pds.example.com,.example.org",
            privacy_policy_url="https://example.com/privacy",
            terms_of_service_url="https://example.com/terms",
            contact_email_address="admin@example.com",
        )

    def test_links_and_contact_are_shown(self, services: Services) -> None:
        description = ask(services, NSID)

        assert description["did"] == "did:web:pds.example.com"
        assert description["inviteCodeRequired"] is True
        assert description["availableUserDomains"] == [".pds.example.com", ".example.org"]
        assert description["links"] == {
            "privacyPolicy": "https://example.com/privacy",
            "termsOfService": "https://example.com/terms",
        }
        assert description["contact"] == {"email": "admin@example.com"}
