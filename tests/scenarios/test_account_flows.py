"""The PyPI client does all with an account that takes a code, with mail and without."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.code_servers import CodeServer, server_with_mail, server_without_mail

pytestmark = [
    pytest.mark.slow,
    # The SDK's own dependencies warn about things that are not ours.
    pytest.mark.filterwarnings("default"),
]

FIRST, SECOND = "the first password", "the second password"


@pytest.fixture(params=[server_with_mail, server_without_mail], ids=["mail", "no-mail"])
def code_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CodeServer]:
    start: Callable[[Path], AbstractContextManager[CodeServer]] = request.param
    with start(tmp_path) as running:
        yield running


@pytest.fixture
def new_client(code_server: CodeServer) -> Iterator[Callable[[], Any]]:
    """Makes clients, each somebody who is not logged in yet."""
    from atproto import Client, Request  # 0.5 s of import, only where it is used

    with contextlib.ExitStack() as connections:

        def make() -> Any:
            request = connections.enter_context(contextlib.closing(Request()))
            return Client(f"{code_server.server.url}/xrpc", request=request)

        yield make


def refused(call: Callable[..., object], *arguments: object, error: str | None = None) -> None:
    """The call fails by the caller's fault, with this error if one is given."""
    from atproto.exceptions import AtProtocolError

    with pytest.raises(AtProtocolError) as raised:
        call(*arguments)
    response: Any = raised.value.args[0]
    assert 400 <= response.status_code < 500
    assert error in (None, response.content.error)


def test_client_lives_an_accounts_whole_life(
    code_server: CodeServer, new_client: Callable[[], Any]
) -> None:
    handle = f"carol{code_server.handle_domain}"
    life = Life(code_server, new_client, handle)

    life.sign_up()
    life.confirm_the_address()
    life.change_the_address()
    life.reset_the_password()
    life.use_an_app_password()
    life.change_the_handle()
    life.delete_the_account()

    assert "Traceback" not in code_server.server.log.read_text()


class Life:
    """One account, step by step. ``client`` is its owner's."""

    def __init__(self, code_server: CodeServer, new_client: Callable[[], Any], handle: str) -> None:
        from atproto import models

        self.models = models
        self.code_server = code_server
        self.new_client = new_client
        self.client = new_client()
        self.handle = handle
        self.email = "carol@mail.org"
        self.did = ""

    @property
    def methods(self) -> Any:
        return self.client.com.atproto.server

    def data(self, method: str, **fields: object) -> Any:
        """The input of a com.atproto.server method."""
        return getattr(self.models, f"ComAtprotoServer{method}").Data(**fields)

    def logged_in(self, password: str) -> Any:
        client = self.new_client()
        client.login(self.handle, password, fetch_bsky_profile=False)
        return client

    def sign_up(self) -> None:
        wanted = self.data(
            "CreateAccount",
            handle=self.handle,
            email=self.email,
            password=FIRST,
            invite_code=self.code_server.invite_code or None,
        )
        self.did = self.methods.create_account(wanted).did
        self.client.login(self.handle, FIRST, fetch_bsky_profile=False)
        assert self.methods.get_session().email_confirmed is False

    def confirm_the_address(self) -> None:
        self.methods.request_email_confirmation()
        code = self.code_server.next_code("confirm_email")
        wrong = self.data("ConfirmEmail", email=self.email, token="AAAAA-AAAAA")
        right = self.data("ConfirmEmail", email=self.email, token=code.lower())
        refused(self.methods.confirm_email, wrong, error="InvalidToken")
        self.methods.confirm_email(right)
        assert self.methods.get_session().email_confirmed is True
        refused(self.methods.confirm_email, right, error="InvalidToken")

    def change_the_address(self) -> None:
        new_email = "carol@other.org"
        assert self.methods.request_email_update().token_required is True
        without = self.data("UpdateEmail", email=new_email)
        refused(self.methods.update_email, without, error="TokenRequired")
        code = self.code_server.next_code("update_email")
        self.methods.update_email(self.data("UpdateEmail", email=new_email, token=code))
        session = self.methods.get_session()
        assert (session.email, session.email_confirmed) == (new_email, False)
        self.email = new_email

    def reset_the_password(self) -> None:
        stranger = self.new_client().com.atproto.server
        stranger.request_password_reset(self.data("RequestPasswordReset", email=self.email))
        code = self.code_server.next_code("reset_password")
        stranger.reset_password(self.data("ResetPassword", token=code, password=SECOND))
        again = self.data("ResetPassword", token=code, password="a third one")
        refused(stranger.reset_password, again, error="InvalidToken")
        refused(self.logged_in, FIRST, error="AuthenticationRequired")
        refused(self.methods.get_session)  # the old session ended with the old password
        self.client = self.logged_in(SECOND)

    def use_an_app_password(self) -> None:
        create = self.data("CreateAppPassword", name="reader")
        password = self.methods.create_app_password(create).password
        program = self.logged_in(password)
        program.send_post("from a program", profile_identify=self.did)
        refused(program.com.atproto.server.create_app_password, create)
        refused(program.com.atproto.server.request_account_delete)
        refused(program.com.atproto.identity.update_handle, self._handle_data(f"x{self.handle}"))
        listed = self.methods.list_app_passwords().passwords
        assert [entry.name for entry in listed] == ["reader"]
        self.methods.revoke_app_password(self.data("RevokeAppPassword", name="reader"))
        refused(program.com.atproto.server.get_session)
        refused(self.logged_in, password, error="AuthenticationRequired")

    def change_the_handle(self) -> None:
        old, self.handle = self.handle, f"new-{self.handle}"
        self.client.com.atproto.identity.update_handle(self._handle_data(self.handle))
        assert self.client.resolve_handle(self.handle).did == self.did
        refused(self.client.resolve_handle, old)

    def delete_the_account(self) -> None:
        self.methods.request_account_delete()
        code = self.code_server.next_code("delete_account")
        fields = {"did": self.did, "password": SECOND}
        wrong = self.data("DeleteAccount", token="AAAAA-AAAAA", **fields)
        refused(self.methods.delete_account, wrong, error="InvalidToken")
        self.methods.delete_account(self.data("DeleteAccount", token=code, **fields))
        refused(self.logged_in, SECOND, error="AuthenticationRequired")

    def _handle_data(self, handle: str) -> Any:
        return self.models.ComAtprotoIdentityUpdateHandle.Data(handle=handle)
