"""Who acts for whom: leave hands work on to a delegate, and to the delegate's delegate (R17), never in a circle."""

from collections.abc import Mapping


def acting(person: int, stands_in: Mapping[int, int]) -> int:
    """Who acts for ``person`` today; ``stands_in`` maps the absent to their delegates. A circle ends where it began."""
    seen = {person}
    while (following := stands_in.get(person)) is not None and following not in seen:
        seen.add(following)
        person = following
    return person


def closes_a_circle(absent: int, delegate: int, stands_in: Mapping[int, int]) -> bool:
    """Whether handing ``absent``'s work to ``delegate`` would bring it back to ``absent``."""
    return delegate == absent or acting(delegate, {**stands_in, absent: delegate}) == absent


def represented(person: int, stands_in: Mapping[int, int]) -> frozenset[int]:
    """Everybody whose work ``person`` does today, himself included unless he is away."""
    return frozenset(other for other in {person, *stands_in} if acting(other, stands_in) == person)
