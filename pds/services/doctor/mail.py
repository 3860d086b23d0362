"""Does the mail server let us in, and is mail leaving?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pds.mail_settings import SmtpServer
from pds.network.mail_errors import MailServerError
from pds.network.sendmail import IN_PLACE_OF_IT
from pds.network.smtp import check_server
from pds.network.smtp_causes import likely_cause
from pds.services.doctor.model import Check, Finding, Patient, all_well, not_looked_at
from pds.services.mail_trial import keeps_from_sendmail
from pds.storage import outgoing_mail

_HOUR_US: Final = 3_600_000_000
_LET_IN: Final = "check user and password in PDS_EMAIL_SMTP_URL (special characters as %40 …)"
_REACH: Final = (
    "check host and port in PDS_EMAIL_SMTP_URL; many providers block ports, try 465, 587 and 2525"
)


def _look(patient: Patient) -> Sequence[Finding]:
    servers = (patient.config.email_smtp_url, patient.config.moderation_email_smtp_url)
    findings = [one for server in servers if server for one in _ask(patient, server)]
    if patient.services is not None:
        findings += _waiting(patient)
    if findings:
        return findings
    if patient.config.email_smtp_url is not None:
        return all_well("mail", "the mail server lets us in")
    if patient.is_local:
        return not_looked_at("mail", "mail is shown in the log")
    return all_well("mail", "no mail is sent; members get codes from pdsadmin account codes")


def _ask(patient: Patient, server: SmtpServer) -> Sequence[Finding]:
    if server.sendmail and keeps_from_sendmail(patient.config, patient.machine.proc):
        found = "the service may not gain the rights that this machine's sendmail needs"
        remedy = f"set PDS_EMAIL_SMTP_URL={IN_PLACE_OF_IT} and restart the server"
        return [Finding("mail-sendmail", "bad", found, remedy)]
    try:
        check_server(server, patient.config.hostname)
    except MailServerError as error:
        reason = str(error)
        if reason.startswith(("530", "534", "535")):
            found = f"the mail server refuses user or password: {reason}"
            return [Finding("mail-password", "bad", found, _LET_IN)]
        remedy = likely_cause(error, server) or _REACH
        return [Finding("mail-unreachable", "bad", f"no mail can be sent: {reason}", remedy)]
    return []


def _waiting(patient: Patient) -> Sequence[Finding]:
    waiting = outgoing_mail.longest_waiting()
    if waiting is None or patient.clock() - waiting.created_at_us < _HOUR_US:
        return []
    hours = (patient.clock() - waiting.created_at_us) // _HOUR_US
    found = f"{waiting.count} messages wait, the oldest for {hours} hours"
    if waiting.last_error:
        found += f" ({waiting.last_error})"
    return [Finding("mail-waiting", "warn", found, "pdsadmin logs --errors; docs/operations.md")]


CHECK = Check(
    "mail",
    _look,
    limit_s=70.0,
    findings=("mail-sendmail", "mail-password", "mail-unreachable", "mail-waiting"),
    lane="mail",
)
