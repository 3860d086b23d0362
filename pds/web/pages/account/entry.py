"""``/account``: to the account that is signed in; a choice where there are several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from pds.web.pages import browser as browsers
from pds.web.pages import page
from pds.web.pages.account.desk import SIGN_IN
from pds.web.pages.account.visit import field, on_to, root_of

if TYPE_CHECKING:
    from pds.services import Services


def add(services: Services, routes: Blueprint) -> None:
    @routes.get("/account")
    def enter() -> Response:
        browser = browsers.current(services)
        found = services.browsers.accounts(browser)
        open_ = [one for one in found if not one.account.is_taken_down]
        if not open_:
            return on_to(SIGN_IN)
        if len(open_) == 1 and "choose" not in request.args:
            return on_to(root_of(open_[0].account.did))
        choices = [(root_of(one.account.did), one) for one in open_]
        return page.render("account/choose.html", browser=browser, choices=choices)

    @routes.post("/account/sign-out")
    def leave() -> Response:
        browser = browsers.current(services)
        browsers.check_form(services, browser)
        left = services.browsers.sign_out(browser, field("did"))
        return browsers.keep_signed_out(on_to("/account"), left)

    @routes.get("/account/deleted")
    def deleted() -> Response:
        return page.render("account/deleted.html", browser=browsers.current(services))
