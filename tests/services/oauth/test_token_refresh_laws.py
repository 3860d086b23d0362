"""Whatever tokens come in whatever order: one line of descent, and no use goes unnoticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pds.oauth_errors import InvalidAccessTokenError, InvalidGrantError
from pds.services.oauth.grants import Grants
from pds.services.oauth.token_refresh import GRACE_S, PresentedRefreshToken
from pds.services.oauth.token_reply import TokenReply
from tests.factories import Person, StillClock
from tests.grant_tools import JKT
from tests.token_tools import app, build_grants, sign_in_app

if TYPE_CHECKING:
    from pds.services import Services

# (how long to wait, which of the tokens so far to use: 0 is the newest)
uses = st.tuples(
    st.sampled_from([0.0, 0.0, 1.0, GRACE_S - 1.0, float(GRACE_S), 1_800.0]),
    st.integers(0, 3),
)


def is_live(grants: Grants, reply: TokenReply) -> bool:
    try:
        grants.verify_access(reply.access_token, JKT)
    except InvalidAccessTokenError:
        return False
    return True


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sequence=st.lists(uses, max_size=15))
def test_a_refresh_goes_on_repeats_or_ends(
    services: Services, alice: Person, clock: StillClock, sequence: list[tuple[float, int]]
) -> None:
    grants = build_grants(services)
    line = [sign_in_app(services, alice, grants)]
    renewed_at_us = 0

    for wait_s, back in sequence:
        clock.advance(wait_s)
        place = max(len(line) - 1 - back, 0)
        token = line[place].refresh_token
        assert token is not None
        presented = PresentedRefreshToken(token, JKT)
        is_newest = place == len(line) - 1
        is_repeated = place == len(line) - 2 and clock() - renewed_at_us < GRACE_S * 1_000_000
        try:
            reply = grants.refresh(app(), presented)
        except InvalidGrantError:
            assert not is_newest
            assert not is_repeated
            assert not any(is_live(grants, earlier) for earlier in line)
            return
        if is_newest:
            line.append(reply)
            renewed_at_us = clock()
        else:
            assert is_repeated
            assert reply == line[-1]
        assert is_live(grants, line[-1]) or clock() - renewed_at_us >= 1_800_000_000
        assert not any(is_live(grants, earlier) for earlier in line[:-1])
