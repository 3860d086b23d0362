"""What can be wrong between a server and its relays."""

from __future__ import annotations

from pds.services.doctor import relay_accounts, side_by_side
from pds.storage import events, server_state
from pds.storage.database import transaction
from tests.clinic import HOST, Clinic
from tests.factories import make_account
from tests.scenarios.faults import HOUR_US, execute, fault


@fault("relay-none", "PDS_CRAWLERS=")
def no_relay_is_named(clinic: Clinic) -> None:
    clinic.settings["crawlers"] = ""


@fault("relay-silent", "PDS_CRAWLERS")
def relay_fails(clinic: Clinic) -> None:
    clinic.relay.broken = 500


@fault("relay-silent", "PDS_CRAWLERS")
def relay_is_a_web_site(clinic: Clinic) -> None:
    clinic.relay.nonsense = b"<html>welcome</html>"


@fault("relay-silent", "PDS_CRAWLERS")
def relay_counts_like_nobody(clinic: Clinic) -> None:
    clinic.relay.seq = 2**63


@fault("account-unknown", "try again later")
def relay_limits_how_often_it_is_asked(clinic: Clinic) -> None:
    clinic.relay.broken, clinic.relay.only_repos = 429, True


@fault("account-unknown", "try again later")
def relay_is_slow(clinic: Clinic) -> None:
    make_account(clinic.services, "bob", handle=f"bob.{HOST}")
    clinic.relay.seq = events.last_seq()
    clinic.relay.slow_s = 0.3
    for module, name, value in ((relay_accounts, "_WITHIN_S", 0.1), (side_by_side, "AT_ONCE", 1)):
        clinic.running.callback(setattr, module, name, getattr(module, name))
        setattr(module, name, value)


@fault("relay-ahead", "pdsadmin doctor --fix")
def healing_was_broken_off(_clinic: Clinic) -> None:
    with transaction():
        server_state.save_value("announced_anew_up_to", "1")


@fault("relay-unknown", "pdsadmin request-crawl")
def relay_does_not_know_us(clinic: Clinic) -> None:
    clinic.relay.status = None


@fault("relay-throttled", "#relay-throttled")
def relay_throttles(clinic: Clinic) -> None:
    clinic.relay.status = "throttled"


@fault("relay-banned", "#relay-banned")
def relay_bans(clinic: Clinic) -> None:
    clinic.relay.status = "banned"


@fault("relay-offline", "pdsadmin request-crawl")
def relay_does_not_reach_us(clinic: Clinic) -> None:
    clinic.relay.status = "offline"


@fault("relay-ahead", "pdsadmin doctor --fix")
def relay_has_seen_more_than_there_is(clinic: Clinic) -> None:
    clinic.relay.seq += 1


@fault("relay-behind", "pdsadmin request-crawl")
def relay_has_stopped_reading(clinic: Clinic) -> None:
    clinic.relay.seq = 1
    execute("UPDATE event SET created_at_us = created_at_us - ?", HOUR_US)


@fault("account-ahead", "pdsadmin doctor --fix")
def relay_has_seen_later_posts(clinic: Clinic) -> None:
    clinic.relay.rev = clinic.services.repos.next_rev(None)


@fault("account-throttled", "#account-throttled")
def relay_throttles_a_member(clinic: Clinic) -> None:
    clinic.relay.left_out[clinic.member.did] = "throttled"


@fault("account-desynchronized", "by itself")
def relay_has_lost_track_of_a_member(clinic: Clinic) -> None:
    clinic.relay.left_out[clinic.member.did] = "desynchronized"


@fault("account-refused", "those who run the relay")
def relay_has_taken_a_member_down(clinic: Clinic) -> None:
    clinic.relay.left_out[clinic.member.did] = "takendown"
