"""A record becomes a review or a stated reason, whatever it holds."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.sources.mapping import DateLimits, map_record
from reviewbot.sources.profile import load_profiles
from reviewbot.sources.record import Correction, Refusal, ReviewIn, TextRow
from reviewbot.sources.split import read_file

ROOT = Path(__file__).parents[2]
PROFILES = load_profiles(ROOT / "config/sources")
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
LIMITS = DateLimits(earliest=date(2020, 1, 1), ahead=timedelta(days=7))


def read(obj: object, source: str = "standard") -> ReviewIn | Refusal:
    return map_record(PROFILES[source], obj, now=NOW, limits=LIMITS)


def record(**changes: object) -> dict[str, object]:
    return {"external_id": "A1", "rating": 2, "reviewed_at": "2026-11-06T10:07:13+08:00"} | changes


def accepted(**changes: object) -> ReviewIn:
    found = read(record(**changes))
    assert isinstance(found, ReviewIn), found
    return found


def not_accepted(**changes: object) -> Refusal:
    found = read(record(**changes))
    assert isinstance(found, Refusal), found
    return found


def sample(name: str) -> list[ReviewIn | Refusal]:
    pieces = read_file(ROOT / "tests/data" / name)
    return [
        Refusal(result="refused", reason=p.error) if p.error else read(p.value, "province_a") for p in pieces
    ]


def test_the_province_sample_holds_24_distinct_bad_reviews_one_copy_and_one_altered_copy():
    found = [review for review in sample("province_a.ndjson") if isinstance(review, ReviewIn)]
    assert len(found) == 35
    assert len({(r.external_id, r.round) for r in found if r.rating <= 2}) == 24
    assert sorted(Counter(r.fingerprint() for r in found).values())[-2:] == [1, 2]
    prints: dict[tuple[str, int], set[str]] = {}
    for review in found:
        prints.setdefault((review.external_id, review.round), set()).add(review.fingerprint())
    assert [key[0][-1] for key, values in prints.items() if len(values) > 1] == ["5"]
    flags = Counter(flag for r in found for flag in r.flags)
    assert flags["default_rating"] == 2
    assert flags["reason_missing"] == 1
    assert flags["retired_reason_code:101"] == 1
    assert not any(flag.startswith("unknown") for flag in flags)
    first = found[0]
    assert (first.channel, first.department, first.department_name) == ("pc", "11445203MB2C0001XA", "社保局")
    assert (first.reviewed_at.isoformat(), first.rater_kind) == ("2026-11-06T10:07:13+08:00", "person")


def test_the_malformed_sample_is_judged_line_by_line():
    found = sample("malformed.ndjson")
    results = [each.result if isinstance(each, Refusal) else "accepted" for each in found]
    assert results == [
        "set_aside",
        "refused",
        "refused",
        "set_aside",
        "refused",
        "refused",
        *["accepted"] * 3,
    ]
    assert isinstance(found[0], Refusal)
    assert "satisfaction" in found[0].reason
    assert "assessTime" in found[0].reason
    assert isinstance(found[8], ReviewIn)
    assert found[8].comment == '=HYPERLINK("http://x","点我")<script>alert(1)</script>'
    assert found[8].flags == ("control_characters_removed",)


def test_the_contract_record_is_read_whole():
    found = accepted(
        round=2, channel="hall_tablet", department="SOC", item="失业保险金申领", item_code=None,
        window="2号窗口",
        handled_by="陈伟", reason_codes=["209"], comment="慢", is_default=False,
        rater={"kind": "person", "name": "王**", "phone": "138", "anonymous": True},
    )  # fmt: skip
    assert (found.round, found.department, found.handled_by, found.reason_codes) == (
        2,
        "SOC",
        "陈伟",
        ("209",),
    )
    assert (found.rater_kind, found.rater_name, found.rater_anonymous) == ("person", "王**", True)
    assert found.flags == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rating": True}, "rating"),
        ({"rating": 1.5}, "rating"),
        ({"rating": "2"}, "rating"),
        ({"rating": None}, "rating"),
        ({"round": 0}, "round"),
        ({"round": "x"}, "round"),
        ({"round": True}, "round"),
        ({"item": {"name": "x"}}, "item"),
        ({"comment": 5}, "comment"),
        ({"comment": "差" * 10_001}, "comment"),
        ({"item": "名" * 201}, "item"),
        ({"reviewed_at": None}, "reviewed_at"),
        ({"reviewed_at": "2026-13-45"}, "reviewed_at"),
        ({"reviewed_at": 5}, "reviewed_at"),
        ({"reviewed_at": []}, "reviewed_at"),
        ({"rater": "王"}, "rater.kind"),
        ({"reason_codes": {"a": 1}}, "reason_codes"),
        ({"reason_codes": [1.5]}, "reason_codes"),
        ({"is_default": 0.5}, "is_default"),
        ({"external_id": None}, "external_id"),
        ({"external_id": " "}, "external_id"),
        ({"external_id": "x" * 129}, "external_id"),
        ({"external_id": ["x"]}, "external_id"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field_named(changes, field):
    found = not_accepted(**changes)
    assert found.result == "refused"
    assert field in found.reason


@pytest.mark.parametrize(
    "changes",
    [
        {"rating": 0},
        {"rating": 6, "reviewed_at": None},
        {"rating": 6, "round": "x"},
        {"reviewed_at": "2019-12-31T23:00:00+08:00"},
        {"reviewed_at": "0001-01-02T00:00:00"},
        {"reviewed_at": "2026-12-01T00:00:00+08:00"},
        {"reviewed_at": "9999-12-31T23:59:59Z"},
        {"is_default": "Y"},
    ],
)
def test_what_may_be_true_is_set_aside(changes):
    # The last second of the year 9999 does not exist in the source's zone, so nothing can be made of it.
    expected = "refused" if changes.get("reviewed_at") == "9999-12-31T23:59:59Z" else "set_aside"
    assert not_accepted(**changes).result == expected


def corrected(obj, **values):
    return map_record(PROFILES["standard"], obj, now=NOW, limits=LIMITS, correction=Correction(**values))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ({"rating": 9}, {"rating": 2}),
        ({"reviewed_at": "1970-01-01T00:00:00Z"}, {"reviewed_at": datetime(2026, 11, 27, tzinfo=UTC)}),
        (
            {"rating": 9, "reviewed_at": None},
            {"rating": 2, "reviewed_at": datetime(2026, 11, 27, tzinfo=UTC)},
        ),
        ({"is_default": "也许"}, {"is_default": False}),
        ({"rater": {"anonymous": "也许"}}, {"rater_anonymous": True}),
    ],
)
def test_a_person_puts_right_what_is_in_doubt(wrong, right):
    refused = not_accepted(**wrong)

    told = corrected(record(**wrong), **right)

    assert refused.result == "set_aside"
    assert set(refused.correctable) == set(right)
    assert isinstance(told, ReviewIn)
    assert {name: getattr(told, name) for name in right} == right
    assert "corrected_by_hand" in told.flags


def test_a_person_does_not_change_what_the_source_stated_clearly():
    told = corrected(record(rating=1, reviewed_at="1970-01-01T00:00:00Z"), rating=5, reviewed_at=NOW)

    assert isinstance(told, Refusal)
    assert "rating 没有疑问" in told.reason
    assert corrected(record(rating=1), rating=5).result == "refused"


@pytest.mark.parametrize("year", [1999, 2031])
def test_a_corrected_time_has_to_be_believable_too(year):
    told = corrected(record(reviewed_at="1970-01-01T00:00:00Z"), reviewed_at=NOW.replace(year=year))

    assert told.result == "set_aside"


def test_nothing_corrected_is_not_marked():
    assert "corrected_by_hand" not in corrected(record()).flags


def test_a_clock_a_little_ahead_is_accepted_with_a_flag():
    assert accepted(reviewed_at="2026-11-29T00:00:00+08:00", comment="慢").flags == ("clock_ahead",)


def test_a_time_without_offset_is_in_the_sources_zone_and_equal_moments_have_equal_fingerprints():
    naive = accepted(reviewed_at="2026-11-06 10:07:13")
    assert naive.reviewed_at.isoformat() == "2026-11-06T10:07:13+08:00"
    assert naive.fingerprint() == accepted(reviewed_at="2026-11-06T02:07:13Z").fingerprint()


def test_flags_do_not_change_the_fingerprint_but_facts_do():
    assert accepted(comment="慢\x00").fingerprint() == accepted(comment="慢").fingerprint()
    assert accepted(comment="慢").fingerprint() != accepted(comment="很慢").fingerprint()


def test_codes_unknown_and_retired_are_kept_and_flagged():
    found = accepted(reason_codes="999，101,209,209")
    assert found.reason_codes == ("999", "101", "209")
    assert found.flags == ("unknown_reason_code:999", "retired_reason_code:101")


def test_a_bad_rating_without_reason_is_flagged_and_a_good_one_is_not():
    assert accepted().flags == ("reason_missing",)
    assert accepted(rating=3).flags == ()


@pytest.mark.parametrize(
    "changes", [{"is_default": "1"}, {"is_default": True}, {"channel": "system_default"}]
)
def test_default_ratings_are_recognised(changes):
    found = accepted(rating=5, **changes)
    assert found.is_default
    assert found.flags == ("default_rating",)


def test_strange_signs_are_repaired_and_integers_stand_for_identifiers():
    found = accepted(external_id=445203202600000001, comment="差\ud800评\r\n\t😀", window=5)
    assert (found.external_id, found.window, found.comment) == ("445203202600000001", "5", "差\ufffd评\n\t😀")
    assert found.flags == ("unpaired_surrogates_replaced",)


def test_an_absurdly_long_integer_is_refused_and_not_printed():
    assert not_accepted(external_id=10**5000).result == "refused"
    assert not_accepted(rating=10**5000, round=10**5000, reason_codes=10**5000).result == "refused"


def test_an_unknown_channel_decides_nothing():
    base = {
        "projectNo": "1",
        "satisfaction": 5,
        "assessTime": "2026-11-06 10:00:00",
        "pf": "9",
        "userProp": 9,
    }
    found = read(base, "province_a")
    assert isinstance(found, ReviewIn)
    assert (found.channel, found.rater_kind) == (None, None)
    assert found.flags == ("unknown_channel:9", "unknown_rater_kind:9")


def test_a_table_row_may_write_numbers_as_text():
    row = TextRow(
        {"external_id": "1", "rating": "2", "reviewed_at": "2026-11-06 10:00:00", "rater.name": "王"}
    )
    found = read(row)
    assert isinstance(found, ReviewIn)
    assert (found.rating, found.rater_name) == (2, "王")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.just(10**70),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
DATES = st.datetimes().map(str) | st.datetimes(timezones=st.timezones()).map(lambda d: d.isoformat())
FIELDS = [*PROFILES["standard"].fields.values(), *PROFILES["province_a"].fields.values(), "rater"]


@pytest.mark.parametrize("source", ["standard", "province_a"])
@given(obj=JSON | st.dictionaries(st.sampled_from(FIELDS), JSON | DATES), full=st.booleans())
def test_no_json_value_makes_the_mapping_raise(source, obj, full):
    if full and isinstance(obj, dict):
        obj = {"external_id": "1", "projectNo": "1", "rating": 1, "satisfaction": 1} | obj
    found = read(obj, source)
    if isinstance(found, ReviewIn):
        assert len(found.fingerprint()) == 64
        assert 1 <= found.rating <= 5
    else:
        found.reason.encode()
