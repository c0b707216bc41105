"""A photograph all its way: phone, callback, fetch, virus scanner, and where people look at it."""

import re
import socket
import struct
from contextlib import contextmanager

import pytest
from case_kit import HEAD, call, case_of, conclude, events, handler_of, messages, move, verifying
from clamd_kit import EICAR, ClamdServer
from phone_kit import phones
from PIL import Image
from sqlalchemy import select

from reviewbot.models.case import Evidence, Safety
from reviewbot.settings import ScanSettings

WAITS, PUT_AWAY = "正在查毒", "查出病毒（Eicar-Test-Signature），已隔离"


@contextmanager
def scanned_town(settings, clock, address):
    wired = settings.model_copy(update={"scan": ScanSettings(clamd=address, command="", timeout_seconds=5)})
    with phones(wired, clock) as made:
        yield made


@pytest.fixture
def clamd():
    server = ClamdServer()
    yield server
    server.close()


@pytest.fixture
def town(settings, clock, clamd):
    with scanned_town(settings, clock, clamd.address) as made:
        yield made


@pytest.fixture
def blind_town(settings, clock):
    """Its scanner is down: nobody listens there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with scanned_town(settings, clock, address) as made:
        yield made


@pytest.fixture
def jpeg(tmp_path):
    Image.new("RGB", (640, 480), "steelblue").save(tmp_path / "a.jpg")
    return (tmp_path / "a.jpg").read_bytes()


def infected(jpeg):
    """A JPEG all the same: what is found stands in a comment of it."""
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(EICAR) + 2) + EICAR + jpeg[2:]


def rectifying(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number)
    return number, handler_of(house, number)


def send(town, userid, data):
    """Taken with the phone and sent in the chat."""
    town.act(userid, "photo", files={"file": ("现场.jpg", data, "image/jpeg")})
    town.work()


def row(house):
    with house.database.begin() as session:
        return session.scalars(select(Evidence).order_by(Evidence.id.desc()).limit(1)).one()


class Sheet:
    """The sheet of measures in a phone's browser, without a script."""

    def __init__(self, town, userid, number):
        self.phone, self.there = town.browser(userid), f"{town.web_url}/h5/cases/{number}/measures"
        page = self.phone.get(self.there, timeout=30)
        assert page.status_code == 200, page.text
        names = ("csrf", "key", "round")
        self.form = {name: re.search(rf'name="{name}" value="([^"]*)"', page.text)[1] for name in names}

    def read(self):
        return self.phone.get(self.there, timeout=30).text

    def choose(self, data):
        files = {"files": ("现场.jpg", data, "image/jpeg")}
        return self.phone.post(self.there, data=self.form | {"add": "1"}, files=files, timeout=30)

    def hand_in(self):
        chosen = re.findall(r'name="chosen" value="(\d+)"', self.read())
        return self.phone.post(
            self.there, data=self.form | {"remark": "增设窗口", "chosen": chosen}, timeout=30
        )  # fmt: skip


def test_a_photograph_from_the_chat_is_scanned_and_stands_on_the_case_page_and_in_the_sheet(
    town, clamd, jpeg
):
    number, handler = rectifying(town.house)

    send(town, handler, jpeg)

    assert clamd.received == [jpeg]
    assert row(town.house).safety is Safety.CLEAN
    phone = town.browser(handler)
    for page in (f"/cases/{number}", f"/h5/cases/{number}"):
        seen = phone.get(town.web_url + page, timeout=30).text
        assert f'href="/evidence/{row(town.house).id}"' in seen
        assert WAITS not in seen
    assert "本轮已有附件 1 个" in Sheet(town, handler, number).read()
    shown = phone.get(f"{town.web_url}/evidence/{row(town.house).id}", timeout=30)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert shown.content.startswith(b"\xff\xd8\xff")


def test_an_infected_photograph_from_the_chat_is_told_named_and_opened_by_nobody(town, clamd, jpeg):
    number, handler = rectifying(town.house)

    send(town, handler, infected(jpeg))

    assert row(town.house).safety is Safety.INFECTED
    assert "查出病毒（Eicar-Test-Signature），已隔离" in town.texts(handler)[-1]
    assert events(town.house, number)[-1].move == "quarantine"
    phone = town.browser(handler)
    for page in (f"/cases/{number}", f"/h5/cases/{number}"):
        seen = phone.get(town.web_url + page, timeout=30).text
        assert PUT_AWAY in seen
        assert "/evidence/" not in seen
    assert "本轮已有附件" not in Sheet(town, handler, number).read()
    refused = phone.get(f"{town.web_url}/evidence/{row(town.house).id}", timeout=30)
    assert refused.status_code == 409
    assert EICAR not in refused.content


def test_the_head_of_a_unit_whose_only_photograph_was_put_away_can_still_say_without_attachment(town, jpeg):
    number, handler = rectifying(town.house)
    send(town, handler, infected(jpeg))
    move(town.house, handler, "submit_measures", number, remark="增设窗口")

    phone = town.browser(HEAD)

    for page in (f"/cases/{number}", f"/h5/cases/{number}/approve"):
        assert 'name="no_attachment"' in phone.get(town.web_url + page, timeout=30).text


def test_while_the_scanner_is_down_a_photograph_waits_and_is_shown_to_nobody(blind_town, clamd, jpeg):
    town = blind_town
    number, handler = rectifying(town.house)

    send(town, handler, jpeg)

    assert row(town.house).safety is Safety.UNSCANNED
    assert "已收到照片" in town.texts(handler)[-1]
    phone = town.browser(handler)
    for page in (f"/cases/{number}", f"/h5/cases/{number}"):
        seen = phone.get(town.web_url + page, timeout=30).text
        assert f"现场.jpg <em>{WAITS}" in seen
        assert "/evidence/" not in seen
    refused = phone.get(f"{town.web_url}/evidence/{row(town.house).id}", timeout=30)
    assert (refused.status_code, WAITS in refused.text) == (409, True)
    # The measures themselves need not wait for the scanner.
    move(town.house, handler, "submit_measures", number, remark="增设窗口")
    assert case_of(town.house, number).status.label == "待审核"


def test_a_photograph_of_the_sheet_is_scanned_before_anybody_opens_it(town, clamd, jpeg):
    number, handler = rectifying(town.house)
    sheet = Sheet(town, handler, number)

    chosen = sheet.choose(jpeg)
    assert (chosen.status_code, WAITS in chosen.text) == (200, True)
    assert f'href="/evidence/{row(town.house).id}"' not in chosen.text
    town.work()

    assert clamd.received == [jpeg]
    assert f'href="/evidence/{row(town.house).id}"' in sheet.read()
    assert sheet.hand_in().status_code == 200
    assert case_of(town.house, number).status.label == "待审核"
    page = sheet.phone.get(f"{town.web_url}/cases/{number}", timeout=30).text
    assert f'href="/evidence/{row(town.house).id}"' in page


def test_an_infected_file_of_the_sheet_is_named_in_it_and_not_handed_in(town, clamd, jpeg):
    number, handler = rectifying(town.house)
    sheet = Sheet(town, handler, number)
    sheet.choose(infected(jpeg))
    town.work()

    assert PUT_AWAY in sheet.read()
    refused = sheet.hand_in()

    assert refused.status_code == 409
    assert "附件“现场.jpg”查出病毒，已隔离，请删去后再提交" in refused.text
    assert case_of(town.house, number).status.label == "整改中"
    sheet.phone.post(sheet.there, data=sheet.form | {"drop": str(row(town.house).id)}, timeout=30)
    assert PUT_AWAY not in sheet.read()
    assert sheet.hand_in().status_code == 200
    assert messages(town.house, kind="infected")[0].userid == handler


def test_an_upload_waits_for_a_scanner_that_is_down_and_can_be_handed_in(blind_town, jpeg):
    town = blind_town
    number, handler = rectifying(town.house)
    sheet = Sheet(town, handler, number)
    sheet.choose(jpeg)
    town.work()

    assert WAITS in sheet.read()
    assert sheet.hand_in().status_code == 200

    assert case_of(town.house, number).status.label == "待审核"
    page = sheet.phone.get(f"{town.web_url}/h5/cases/{number}", timeout=30).text
    assert (WAITS in page, "/evidence/" in page) == (True, False)
