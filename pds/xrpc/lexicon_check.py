"""Parameters and bodies against the Lexicon, before a handler sees them.

Spec: https://atproto.com/specs/xrpc#lexicon-http-endpoints
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from pds.atproto import dag_json
from pds.atproto.dag_json import InvalidDataError, InvalidJsonError
from pds.atproto.lexicon.validate import InvalidValueError, Validator
from pds.errors import InvalidRequestError

MAX_PARAMETERS = 5_000
# A body holds records up to three levels down (applyWrites: input, writes, write, value); each
# record's own depth is checked again where it is written.
MAX_BODY_DEPTH = dag_json.MAX_DATA_DEPTH + 3


def read_params(validator: Validator, nsid: str, query_string: str) -> dict[str, Any]:
    """The typed parameters of a call, defaults filled in; ``query_string`` is as it was sent.

    Raises:
        InvalidRequestError: a parameter is missing or does not fit.
    """
    try:
        pairs = parse_query(query_string) if query_string else {}
        return validator.coerce_params(nsid, pairs)
    except InvalidValueError as error:
        message = f"Invalid {nsid} params: {error}"
        raise InvalidRequestError(message) from error


def parse_query(query_string: str) -> dict[str, list[str]]:
    """Names and values of a query string; raw UTF-8 is taken as well as percent-encoding.

    WSGI hands over bytes as Latin-1 text, which is undone first.
    """
    if not query_string.isascii():
        query_string = query_string.encode("latin-1").decode("utf-8", "replace")
    try:
        return parse_qs(query_string, max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        message = "The query has too many parameters"
        raise InvalidRequestError(message) from error


def read_input(validator: Validator, nsid: str, body: bytes) -> dict[str, Any]:
    """The JSON body in data-model form, checked. An empty body counts as ``{}``.

    Raises:
        InvalidRequestError: it is not JSON, not valid data, or does not fit the Lexicon.
    """
    try:
        value = dag_json.from_json(dag_json.parse(body), max_depth=MAX_BODY_DEPTH) if body else {}
    except (InvalidJsonError, InvalidDataError) as error:
        message = f"Invalid request body: {error}"
        raise InvalidRequestError(message) from error
    if not isinstance(value, dict):
        message = "Invalid request body: must be an object"
        raise InvalidRequestError(message)
    try:
        validator.check_input(nsid, value)
    except InvalidValueError as error:
        message = f"Invalid {nsid} body: {error}"
        raise InvalidRequestError(message) from error
    return value
