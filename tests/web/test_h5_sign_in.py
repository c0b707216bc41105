"""W23: how a clerk is signed in from a card, behind the page he asked for."""

import re

HANDLER = "huangjie02"


def test_w23_the_state_of_a_sign_in_is_spent_on_the_server_too(pages, house):
    """A browser that keeps the cookie and comes back with the same state is refused (W23)."""
    sent = pages.get("/login")
    state = re.search(r"state=([0-9a-zA-Z]+)", sent.headers["location"])[1]
    cookie = sent.headers["set-cookie"].split(";")[0]
    back = {"code": HANDLER, "state": state}
    assert pages.get("/login/callback", params=back, headers={"cookie": cookie}).status_code == 303
    again = pages.get("/login/callback", params=back, headers={"cookie": cookie})
    assert (again.status_code, "已经用过" in again.text) == (401, True)


def test_w23_two_sign_ins_under_way_at_once_do_not_spoil_each_other(pages):
    states = [
        re.search(r"state=([0-9a-zA-Z]+)", pages.get("/login", params={"next": path}).headers["location"])[1]
        for path in ("/h5/cases/A1000", "/h5")
    ]
    first, second = (
        pages.get("/login/callback", params={"code": HANDLER, "state": state}).headers["location"]
        for state in states
    )
    assert (first, second) == ("/h5/cases/A1000", "/h5")
