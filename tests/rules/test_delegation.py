"""Who acts for whom, whatever the directory of leave says."""

from hypothesis import given
from hypothesis import strategies as st

from reviewbot.rules.delegation import acting, closes_a_circle, represented

PEOPLE = st.integers(1, 6)
ANY = st.dictionaries(PEOPLE, PEOPLE)


def built(pairs):
    """A table as the action builds it: a pair that would close a circle is refused."""
    table = {}
    for absent, delegate in pairs:
        if not closes_a_circle(absent, delegate, table):
            table[absent] = delegate
    return table


LAWFUL = st.lists(st.tuples(PEOPLE, PEOPLE)).map(built)


def test_the_deputys_deputy_acts():
    assert acting(1, {1: 2, 2: 3}) == 3
    assert represented(3, {1: 2, 2: 3}) == {1, 2, 3}
    assert represented(2, {1: 2, 2: 3}) == set()


@given(ANY, PEOPLE)
def test_it_ends_whatever_the_table(table, person):
    assert acting(person, table) in {person, *table.values()}


@given(LAWFUL, PEOPLE)
def test_in_a_lawful_table_whoever_acts_is_not_away(table, person):
    assert acting(person, table) not in table


@given(LAWFUL)
def test_everybodys_work_is_done_by_exactly_one(table):
    everybody = {*table, *table.values()}
    done = [other for one in everybody for other in represented(one, table)]

    assert sorted(done) == sorted(everybody)


@given(LAWFUL, PEOPLE)
def test_nobody_stands_in_for_himself(table, person):
    assert closes_a_circle(person, person, table)
