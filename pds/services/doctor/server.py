"""Is the server running, does it answer on its port, and is it this version?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pds import __version__
from pds.config import Config
from pds.network.http_client import FetchError
from pds.services.doctor.model import Check, Finding, Patient, all_well
from pds.services.running_server import loopback_address, version_in
from pds.storage.process_lock import AlreadyRunningError, ProcessLock

_ANSWERS_WITHIN_S: Final = 5.0


def _look(patient: Patient) -> Sequence[Finding]:
    config = patient.config
    url = f"http://{loopback_address(config.bind_address)}:{config.port}/xrpc/_health"
    try:
        answer = patient.outside.http.get(url, timeout_s=_ANSWERS_WITHIN_S)
    except FetchError as error:
        return [_silent(patient, str(error))]
    if answer.status == 503:
        found = "the server runs but cannot write its database"
        return [Finding("server-read-only", "bad", found, _TO_WRITE)]
    version = version_in(answer.body)
    if version is None or (version != __version__ and not _is_running(config)):
        what = "something else than Hearth" if version is None else "another server"
        found = f"{what} answers on port {config.port}"
        return [Finding("server-port-taken", "bad", found, _OTHER_PORT)]
    if config.version == __version__ and version != __version__:
        found = f"the server that runs is version {version}, this program is {__version__}"
        return [Finding("server-old", "warn", found, "sudo systemctl restart pds")]
    return all_well("server", f"answers on port {config.port}, version {version}")


_TO_WRITE: Final = (
    "see who owns the files in the data directory and whether its disk is mounted read-only:"
    " docs/troubleshooting.md#server-read-only"
)
_OTHER_PORT: Final = "set another PDS_PORT, or stop that program: sudo ss -ltnp"


def _silent(patient: Patient, problem: str) -> Finding:
    if not _is_running(patient.config):
        start = "./install.sh local" if patient.is_local else "sudo systemctl start pds"
        return Finding("server-down", "bad", "the server is not running", start)
    found = f"the server runs but does not answer on port {patient.config.port} ({problem})"
    remedy = "pdsadmin logs --errors; then restart it: sudo systemctl restart pds"
    return Finding("server-silent", "bad", found, remedy)


def _is_running(config: Config) -> bool:
    file = config.data_directory / "pds.lock"
    if not file.exists():
        return False
    try:
        ProcessLock(file).release()
    except AlreadyRunningError:
        return True
    except OSError:  # the lock cannot be looked at; the data check tells of that
        return False
    return False


CHECK = Check(
    "server",
    _look,
    limit_s=10.0,
    findings=(
        "server-down",
        "server-silent",
        "server-port-taken",
        "server-old",
        "server-read-only",
    ),
)
