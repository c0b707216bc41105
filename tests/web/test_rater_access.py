"""The rater's page is for everybody: structure, labels, sizes and contrast, read from what is really served."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from page_kit import Browser, new_case
from rules_kit import local_days, proclaim

from reviewbot.links import RaterLink
from reviewbot.models.case import Case

ROOT_PIXELS = 16 * 1.1875
"""As rater.css sets the page's own unit."""


class Reader(HTMLParser):
    """Tags with their attributes in order."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, name):
        return [facts for tag, facts in self.tags if tag == name]


@pytest.fixture
def served(pages: Browser, house, clock):
    """The page with its form, and its style sheet."""
    new_case(house)
    clock.moment += timedelta(days=3)
    with house.database.begin() as session:
        case = session.query(Case).one()
        place = house.links.make(RaterLink(case.id, 1, int(clock.moment.timestamp())))
    page = pages.get("/r/" + place.rpartition("/r/")[2])
    return page, pages.get("/static/rater.css").text


def test_the_page_has_a_language_one_heading_and_landmarks_and_needs_no_script(served):
    page, _ = served
    seen = Reader(page.text)

    assert seen.all("html") == [{"lang": "zh-CN"}]
    assert len(seen.all("h1")) == len(seen.all("main")) == len(seen.all("title")) == 1
    assert not seen.all("script")
    assert not any(name.startswith("on") for _, facts in seen.tags for name in facts)
    assert not re.search("maximum-scale|user-scalable", page.text)
    assert len(page.content) < 50_000


def test_every_field_has_its_label_and_every_reference_its_target(served):
    page, _ = served
    seen = Reader(page.text)
    idents = [facts["id"] for _, facts in seen.tags if "id" in facts]
    labelled = {facts["for"] for facts in seen.all("label")}
    fields = [*seen.all("textarea"), *seen.all("input"), *seen.all("select")]

    assert len(idents) == len(set(idents))
    assert fields
    assert {facts["id"] for facts in fields} <= labelled
    for _, facts in seen.tags:
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert set(facts.get(name, "").split()) <= set(idents)
    assert seen.all("form") == [{"method": "post", "aria-describedby": "ask-help"}]
    assert [facts["value"] for facts in seen.all("button")] == ["nobody_called"]


def rules(css):
    """Selector -> declarations, comments and media queries left out."""
    plain = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    return {
        selector.strip(): dict(part.strip().split(": ", 1) for part in body.split(";") if ":" in part)
        for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", plain)
    }


def light(colour):
    signs = colour.lstrip("#")
    signs = "".join(sign * 2 for sign in signs) if len(signs) == 3 else signs
    parts = [int(signs[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_all_text_stands_out_from_what_lies_behind_it(served):
    found = rules(served[1])
    page = found["body"]["background"]

    pairs = [
        (selector, told["color"], told.get("background", page))
        for selector, told in found.items()
        if told.get("color", "").startswith("#")
    ]
    assert len(pairs) > 5
    assert [(one, *rest) for one, *rest in pairs if contrast(*rest) < 4.5] == []
    ink = found["body"]["color"]
    assert contrast(ink, found["blockquote"]["background"]) >= 4.5
    for outline in (found[":focus-visible"]["outline"], found["textarea"]["border"]):
        assert contrast(outline.split()[-1], page) >= 3


def test_targets_are_larger_than_a_thumb_and_every_size_grows_with_the_text(served):
    found = rules(served[1])

    assert float(found["button"]["min-height"].removesuffix("rem")) * ROOT_PIXELS >= 44
    sizes = [told["font-size"] for told in found.values() if "font-size" in told]
    assert sizes
    assert all(size.endswith(("rem", "%")) for size in sizes)
    assert min(float(size[:-3]) for size in sizes if size.endswith("rem")) * ROOT_PIXELS >= 16


def test_the_expected_date_says_why_it_is_that_date(served):
    page, _ = served

    assert "2026年12月7日（周一）" in page.text
    assert "从 2026年11月30日（周一）的第二天算起，其间 2 天不计算在内（周末 2 天）" in page.text


def test_every_day_of_a_holiday_is_counted_and_a_closure_is_called_what_it_is(pages: Browser, house, clock):
    clock.moment = datetime(2026, 9, 28, 2, tzinfo=UTC)
    proclaim(house, local_days("storm", off=["2026-09-29"]))
    new_case(house)
    with house.database.begin() as session:
        case = session.query(Case).one()
        place = house.links.make(RaterLink(case.id, 1, int(clock.moment.timestamp())))
    page = pages.get("/r/" + place.rpartition("/r/")[2]).text

    assert "其间 9 天不计算在内（台风停工 1 天、国庆节 7 天、周末 1 天）" in page
