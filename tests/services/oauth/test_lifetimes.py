from __future__ import annotations

import pytest

from pds.services.oauth.lifetimes import SECOND_US, Ends, ends_of

DAY_US = 86_400 * SECOND_US
ACCESS_US = 1_800 * SECOND_US
WEEKS_US = 14 * DAY_US
YEARS_US = 2 * 31_557_600 * SECOND_US
MONTHS_US = 31_557_600 * SECOND_US // 4


@pytest.mark.parametrize(
    ("age_us", "is_confidential", "ends"),
    [
        (0, False, Ends(ACCESS_US, WEEKS_US, WEEKS_US)),
        (DAY_US, False, Ends(DAY_US + ACCESS_US, WEEKS_US, WEEKS_US)),
        (WEEKS_US - 1, False, Ends(WEEKS_US, WEEKS_US, WEEKS_US)),
        (0, True, Ends(ACCESS_US, MONTHS_US, YEARS_US)),
        (DAY_US, True, Ends(DAY_US + ACCESS_US, DAY_US + MONTHS_US, YEARS_US)),
        (YEARS_US - DAY_US, True, Ends(YEARS_US - DAY_US + ACCESS_US, YEARS_US, YEARS_US)),
    ],
)
def test_tokens_last_as_long_as_they_may_but_not_longer_than_their_grant(
    age_us: int, is_confidential: bool, ends: Ends
) -> None:
    assert ends_of(age_us, 0, is_confidential=is_confidential, may_refresh=True) == ends


def test_without_a_refresh_token_the_grant_ends_with_the_access_token() -> None:
    assert ends_of(5, 5, is_confidential=True, may_refresh=False) == Ends(
        5 + ACCESS_US, None, 5 + ACCESS_US
    )
