"""What no browser of ours sends is refused, not an error of ours."""

import pytest
from page_kit import enter

from reviewbot.links import RaterLink

UNREADABLE = (
    b'--B\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nx\r\n--B--\r\n',
    {"content-type": "multipart/form-data; boundary=B; charset=undefined"},
)


@pytest.mark.parametrize("path", ["/logout", "/login/bind", "/letters/1"])
def test_a_form_in_no_charset_is_refused(pages, path):
    body, headers = UNREADABLE
    answer = pages.post(path, content=body, headers=headers)
    assert (answer.status_code, "提交的内容无法识别" in answer.text) == (422, True)
    assert answer.headers["x-frame-options"] == "DENY"


def test_a_raters_form_in_no_charset_is_refused(pages, house):
    place = "/r/" + house.links.make(RaterLink(1, 1, 1)).rsplit("/r/", 1)[1]
    body, headers = UNREADABLE
    answer = pages.post(place, content=body, headers=headers)
    assert (answer.status_code, answer.headers["x-robots-tag"]) == (422, "noindex, nofollow")


@pytest.mark.parametrize("room", ["problems", "letters", "recalls", "evidence"])
@pytest.mark.parametrize("digits", [11, 5000])
def test_a_number_no_row_can_have_is_not_found(pages, room, digits):
    enter(pages, "wanghailing01")
    assert pages.get(f"/{room}/{'9' * digits}").status_code == 404
    assert pages.get(f"/{room}/2147483648").status_code == 404
