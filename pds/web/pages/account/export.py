"""``…/export``: a copy of everything the account has here."""

from __future__ import annotations

from flask import Response, request

from pds.errors import ForbiddenError, PdsError
from pds.web.pages import budgets
from pds.web.pages.account.desk import Desk
from pds.web.pages.account.visit import Visit
from pds.xrpc.limits import EXPORT_DATA

AT = "/export"
DOWNLOAD = f"{AT}/download"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def add(desk: Desk) -> None:
    desk.page(AT, _show)
    desk.page(DOWNLOAD, _download)


def _show(visit: Visit) -> Response:
    return visit.show("account/export.html")


def _download(visit: Visit) -> Response:
    """Send the file. Another site may link here, which must not make anybody download anything."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise ForbiddenError
    services = visit.services
    try:
        budgets.spend(services, EXPORT_DATA, member=visit.did)
        download = services.data_export.begin(visit.account)
    except PdsError as error:
        return _show(visit.refused(error))
    response = Response(download, 200, HEADERS, content_type="application/zip")
    response.headers.set("Content-Disposition", "attachment", filename=download.name)
    response.call_on_close(download.close)
    return response
