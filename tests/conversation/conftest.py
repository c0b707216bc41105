"""Everybody's phone, for whoever tests what is said and pressed on one."""

import pytest
from phone_kit import phones


@pytest.fixture
def town(settings, clock):
    with phones(settings, clock) as made:
        yield made
