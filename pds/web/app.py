"""create_app(services): routes, error handlers, the layers around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.routing import BaseConverter

from pds.web import metrics, plc_directory, static_files, well_known
from pds.web.client_ip import ClientIp
from pds.web.errors import describe, error_response, mark, name_for_log
from pds.web.firehose import Firehose, Seats
from pds.web.oauth import metadata, par, revoke, token
from pds.web.pages import browser, confirm_email, home, page, reset_password, sign_up
from pds.web.pages.account import routes as account
from pds.web.pages.authorize import routes as authorize
from pds.web.pages.failures import failure_page
from pds.web.request_counts import RequestCounts
from pds.web.request_log import ENVIRON_KEY, RequestInfo, RequestLog
from pds.web.xrpc import PREFIX, Dispatcher
from pds.xrpc.method import METHODS, Method

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from pds.services import Services

_FOR_PROGRAMS = (PREFIX, "/.well-known/", "/metrics")


class RestOfPath(BaseConverter):
    """Everything that follows, also nothing and also what begins with a slash."""

    regex = ".*"
    part_isolating = False


class Hearth(Flask):
    """Flask that matches paths in any case, as clients of the reference server may expect."""

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if not path.startswith(PREFIX):
            lower = path.lower()
            if lower.startswith(PREFIX):
                environ["PATH_INFO"] = PREFIX + path[len(PREFIX) :]
            elif not lower.startswith("/static/"):
                environ["PATH_INFO"] = lower
        return super().wsgi_app(environ, start_response)


def create_app(services: Services, methods: Mapping[str, Method] = METHODS) -> Flask:
    """The whole web application as one WSGI callable; ``extensions["dispatcher"]`` has its rules.

    Load the methods first (``pds.xrpc.loading.load_methods``).
    """
    app = Hearth("pds.web", static_folder=None)
    app.url_map.converters["rest"] = RestOfPath
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    config = services.config
    dispatcher = Dispatcher(services, methods)
    app.extensions["dispatcher"] = dispatcher
    firehose = Firehose(dispatcher, config.max_subscription_buffer, Seats())
    counts = RequestCounts()
    _add_xrpc(app, dispatcher, firehose)
    app.register_blueprint(well_known.blueprint(services))
    for machine in (metadata, par, revoke, token):
        app.register_blueprint(machine.blueprint(services))
    app.register_blueprint(metrics.blueprint(services, counts, firehose.count_subscribers))
    browser.install(app)
    files = static_files.StaticFiles(config)
    app.register_blueprint(static_files.blueprint(files))
    page.install(app, config, files)
    for module in (home, reset_password, confirm_email, sign_up, authorize, account):
        app.register_blueprint(module.blueprint(services))
    if services.local_plc is not None:
        app.register_blueprint(plc_directory.blueprint(services.local_plc))
    app.register_error_handler(Exception, _show_error)
    believed = (*config.trusted_proxies, *config.rate_limit_bypass_ips)
    app.wsgi_app = RequestLog(app.wsgi_app, ClientIp(believed), counts)  # type: ignore[method-assign] # as Flask documents it
    return app


def _add_xrpc(app: Flask, dispatcher: Dispatcher, firehose: Firehose) -> None:
    def xrpc(name: str) -> Response:
        environ = request.environ
        if "werkzeug.socket" in environ:
            method = dispatcher.find(name)
            if method is not None and method.kind == "subscription":
                return firehose.serve(environ, method)
        return dispatcher.respond(environ, name)

    app.add_url_rule(
        f"{PREFIX}<rest:name>",
        "xrpc",
        xrpc,
        methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    )
    # werkzeug matches a WebSocket handshake with such rules only.
    app.add_url_rule(f"{PREFIX}<rest:name>", "xrpc_websocket", xrpc, websocket=True)


def _show_error(error: Exception) -> Response:
    """A failure outside XRPC methods: a page for browsers, JSON for everything else."""
    info: RequestInfo = request.environ[ENVIRON_KEY]
    request_id = info.id
    info.error = name_for_log(error)
    if request.path.startswith(_FOR_PROGRAMS):
        return error_response(error, request_id)
    if page.wants_html():
        status, _, _ = describe(error, request_id)
        response = mark(failure_page(status, error, request_id), error)
    else:
        response = error_response(error, request_id)
    response.vary.add("Accept")
    return response
