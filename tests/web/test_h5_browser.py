"""The clerk's pages in a real browser: they fit an old phone, work without a script, and lose nothing in an outage."""

import pytest
from browser_kit import BROWSER, DESK, FAINT_TEXT, OLD_PHONE, PHONE

from reviewbot.actions.make_move import make_move
from reviewbot.actions.step import MoveIn, Verb
from reviewbot.conversation.answer import viewer_of_staff
from reviewbot.queries.directory import staff_by_userid
from reviewbot.rules.lifecycle import Conclusion

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no browser on this machine; install chromium to run these"
)
SIZES = {"old": OLD_PHONE, "phone": PHONE, "desk": DESK}
RATER = {"kind": "person", "name": "王五", "phone": "13800000005", "anonymous": False}
SMALL_TARGETS = """() => {
    const touched = 'a, button, select, summary, textarea, input:not([type=hidden])';
    const inside = '.default, .skip, p a, li a, .check input';  // links in a sentence; a box within its label
    return [...document.querySelectorAll(touched)]
        .filter((node) => node.checkVisibility() && (!node.matches(inside) || node.matches('.button, .case')))
        .map((node) => [node.outerHTML.slice(0, 80), Math.round(node.getBoundingClientRect().height)])
        .filter(([, height]) => height < 44);
}"""


def moved(town, number, *asked):
    """Moves made by the case's handler, before a page is opened."""
    with town.house.database.begin() as session:
        for each in asked:
            actor = viewer_of_staff(staff_by_userid(session, town.handler(number)))
            make_move(session, each, actor, at=town.house.clock.now(), rulebook=town.house.rulebook)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_every_sheet_fits_its_window_is_easy_to_read_and_to_touch(town, window, picture, request, size):
    number = town.receive(item="失业保险金申领" * 3, comment="窗口让我跑了三趟" * 5, rater=RATER)
    clerk = town.handler(number)
    name = next(name for name, known in SIZES.items() if known is size)
    page = window(town.entry(clerk, "/h5"), size)
    look(page, picture, f"todo-{name}")

    def see(path, what):
        page.goto(f"{town.web}/h5/cases/{number}{path}")
        look(page, picture, f"{what}-{name}")

    see("", "glance-awaiting-sign")
    moved(town, number, MoveIn(Verb.SIGN, number))
    see("", "glance-verifying")
    for sheet in ("call", "measures", "explain", "appeal", "extend", "return", "conclude", "hand_over"):
        see(f"/{sheet}", sheet)
    moved(
        town, number, MoveIn(Verb.RECORD_CALL, number, reached=True, remark="群众说等候太久"),
        MoveIn(Verb.CONCLUDE, number, conclusion=Conclusion.JUSTIFIED),
    )  # fmt: skip
    see("", "glance-rectifying")


def look(page, picture, what):
    page.locator("h1").first.wait_for()
    page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    picture(page, what)
    narrow = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(narrow), f"{what}: has to be scrolled sideways"
    assert page.evaluate(FAINT_TEXT) == [], what
    assert page.evaluate(SMALL_TARGETS) == [], what
