"""The page of the rules: versions with what they changed, and the way there from a case."""

from page_kit import Browser, enter, new_case
from rules_kit import decree


def test_supervisors_see_every_version_and_its_differences_and_a_case_leads_there(
    pages: Browser, house
) -> None:
    number = new_case(house)
    decree(house, "<strict>", ("deciders = 2", "deciders = 3"))
    enter(pages, "wanghailing01")
    page = pages.get("/policy").text

    assert "&lt;strict&gt;" in page
    assert "<td>appeals.deciders</td><td>2</td><td>3</td>" in page
    assert page.index("&lt;strict&gt;") < page.index('id="v-2026-11-4"')
    assert 'href="/policy#v-2026-11-4"' in pages.get(f"/cases/{number}").text
    assert pages.post("/policy").status_code == 405


def test_nobody_sees_the_rules_without_signing_in(pages: Browser) -> None:
    assert pages.get("/policy").headers["location"].startswith("/login")
