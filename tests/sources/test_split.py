"""Bodies and files come apart into records, and a broken one takes no neighbour with it."""

import json
import time
import zipfile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.errors import InvalidInput, TooLarge
from reviewbot.sources.record import TextRow
from reviewbot.sources.split import Piece, read_file, split_body


def values(pieces: list[Piece]) -> list[object]:
    return [(piece.error and "error") or piece.value for piece in pieces]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": 1}', [{"a": 1}]),
        (b'{\n "a":\n 1}\n', [{"a": 1}]),
        (b'[{"a": 1}, {"b": 2}]', [{"a": 1}, {"b": 2}]),
        (b'[\n{"a": 1},\n{"b": 2}\n]', [{"a": 1}, {"b": 2}]),
        (b"[]", []),
        (b'{"a": 1}\r\n\n{"b"\n{"c": 3}', [{"a": 1}, "error", {"c": 3}]),
        (b'{"a"\n["x"]\n{"c": 3}', ["error", ["x"], {"c": 3}]),
        (b'\xef\xbb\xbf{"a": 1}\n{"b": 2}', [{"a": 1}, {"b": 2}]),
        (b'{"a": "\xff"}\n{"b": 2}', ["error", {"b": 2}]),
        (b'[{"a": "\xff"}, {"b": 2}]', ["error", {"b": 2}]),
        (b'[{"a": "\\ud800"}, {"b": 2}]', [{"a": "\ud800"}, {"b": 2}]),
        (b'{"a": NaN}', ["error"]),
        (b'{"a": ' + b"9" * 6000 + b"}", None),
        (b"", ["error"]),
        (b" \n", ["error"]),
        (b"5", [5]),
        (b"[" * 100_000, ["error"]),
        (b"[" * 100_000 + b"]" * 100_000, ["error"]),
        (b'{"a": 1}\n' + b'{"a":' * 100_000 + b"\n" + b'{"b": 2}', [{"a": 1}, "error", {"b": 2}]),
    ],
)
def test_the_shape_is_seen_from_the_body(body, expected):
    found = split_body(body)
    if expected is not None:
        assert values(found) == expected


def test_each_record_keeps_its_own_bytes():
    assert [piece.raw for piece in split_body(b'[{"a":  1}, {"b": 2}]')] == [b'{"a":  1}', b'{"b": 2}']
    assert [piece.raw for piece in split_body(b'{"a":  1}\n{"b"')] == [b'{"a":  1}', b'{"b"']


@pytest.mark.parametrize("body", [b"[1,2,3]", b"1\n2\n3", b'["\\ud800",2,3]'])
def test_too_many_records_are_turned_away_together(body):
    assert len(split_body(body, max_records=3)) == 3
    with pytest.raises(TooLarge, match="至多 2 条"):
        split_body(body, max_records=2)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_body_makes_it_raise(body):
    assert all((piece.error is None) or piece.value is None for piece in split_body(body))


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text()), min_size=2))
def test_an_array_and_its_lines_give_the_same_records(records):
    lines = "\n".join(json.dumps(each) for each in records).encode()
    assert values(split_body(lines)) == values(split_body(json.dumps(records).encode())) == records


def test_tables_are_read_under_their_headers(tmp_path):
    text = "external_id,rating,comment\n1,2,慢，很慢\n\n2,5,\n3,1,x,多\n"
    for encoding in ("utf-8-sig", "gb18030"):
        file = tmp_path / f"{encoding}.csv"
        file.write_text(text, encoding=encoding)
        first, second, third = read_file(file)
        assert first.value == TextRow(external_id="1", rating="2", comment="慢，很慢")
        assert second.value == TextRow(external_id="2", rating="5")
        assert "多于表头" in (third.error or "")


def test_a_workbook_is_read_and_a_damaged_number_is_noticed(tmp_path):
    book = openpyxl.Workbook()
    for row in (
        ["external_id", "rating", "note"],
        ["445203202600000001", 2, True],
        [445203202600000001, 1, None],
    ):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    first, second = read_file(tmp_path / "a.xlsx")
    assert first.value == {"external_id": "445203202600000001", "rating": "2", "note": "true"}
    assert "失真" in (second.error or "")


def test_a_workbook_whose_sheet_is_cut_off_is_refused_by_name(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["external_id", "rating"])
    book.save(tmp_path / "whole.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "whole.xlsx") as whole,
        zipfile.ZipFile(tmp_path / "cut.xlsx", "w") as cut,
    ):
        for name in whole.namelist():
            data = whole.read(name)
            cut.writestr(name, data[: len(data) // 2] if "sheet1" in name else data)

    with pytest.raises(InvalidInput, match=r"cut\.xlsx"):
        list(read_file(tmp_path / "cut.xlsx"))


def test_json_files_are_read_and_others_are_named(tmp_path):
    (tmp_path / "a.json").write_text('[{"a": 1}]')
    (tmp_path / "b.ndjson").write_text('\ufeff{"a": 1}\n\n{"b"\n')
    (tmp_path / "c.xlsx").write_text("no workbook")
    assert values(list(read_file(tmp_path / "a.json"))) == [{"a": 1}]
    assert values(list(read_file(tmp_path / "b.ndjson"))) == [{"a": 1}, "error"]
    for name in ("c.xlsx", "d.doc", "missing.csv"):
        with pytest.raises(InvalidInput, match=name):
            list(read_file(tmp_path / name))


@pytest.mark.parametrize("broken", ['{"a": NaN}', '{"a": Infinity}', '{"a": }', "nope"])
def test_a_broken_element_of_an_array_costs_its_neighbours_nothing(broken):
    body = (r'[{"n": 1, "s": "],[\\\"}"}, ' + broken + ' , {"n": [2, {}]}]').encode()

    pieces = split_body(body)

    assert [piece.error is None for piece in pieces] == [True, False, True]
    assert pieces[0].value == {"n": 1, "s": '],[\\"}'}
    assert pieces[2].value == {"n": [2, {}]}
    assert pieces[1].raw == broken.encode()


@pytest.mark.parametrize("body", [b"[NaN]]", b"[NaN}", b"[NaN,]", b"[[NaN]", b"[}{NaN]"])
def test_brackets_that_do_not_match_are_one_broken_record(body):
    (piece,) = split_body(body)

    assert piece.error is not None


ODD = {
    "NaN": (b'{"a": NaN}', "error"),
    "minus infinity": (b'{"a": -Infinity}', "error"),
    "too deep": (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "error"),
    "endless number": (b'{"a": ' + b"9" * 6_000 + b"}", "error"),
    "half a character": (b'{"a": "\\ud800"}', {"a": "\ud800"}),
    "the same name twice": (b'{"a": 1, "a": 2}', {"a": 2}),
    "not UTF-8": (b'{"a": "\xff"}', "error"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_element_keeps_its_bytes_and_its_neighbours_theirs(name):
    odd, value = ODD[name]

    pieces = split_body(b'[{"n":  1},' + odd + b',{"n":  2}]')

    assert values(pieces) == [{"n": 1}, value, {"n": 2}]
    assert [piece.raw for piece in pieces] == [b'{"n":  1}', odd, b'{"n":  2}']


@pytest.mark.parametrize("tail", [b'"' + b'\\"' * 200_000, b'"' * 400_001, b"[" * 400_000, b"\\" * 400_000])
def test_a_body_that_never_ends_is_told_in_time_that_grows_with_its_length(tail):
    started = time.process_time()

    split_body(b"[NaN," + tail + b"]")

    assert time.process_time() - started < 5
