"""No file is opened before the scanner has passed it; photographs are shown without what the telephone wrote."""

import io
import socket
import stat
import struct
from dataclasses import replace

import pytest
from case_kit import call, conclude, events, handler_of, messages, move, photograph, verifying, viewer
from clamd_kit import EICAR, ClamdServer
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select

from reviewbot.actions.add_evidence import add_evidence, evidence_path, quarantine_path
from reviewbot.actions.scan_evidence import is_shown, scan_evidence
from reviewbot.commands.doctor import check_system
from reviewbot.errors import InvalidInput, ReviewbotError
from reviewbot.files.plain import plain_copy
from reviewbot.files.scanner import Clamd, Command, ScannerAway, make_scanner
from reviewbot.models.case import Evidence, Safety
from reviewbot.settings import load_settings


@pytest.fixture
def clamd():
    server = ClamdServer()
    yield server
    server.close()


def test_clamd_is_sent_every_byte_and_its_verdict_is_read(clamd, tmp_path):
    scanner = Clamd(clamd.address, 5)
    clean, bad = tmp_path / "a", tmp_path / "b"
    clean.write_bytes(bytes(range(256)) * 1000)
    bad.write_bytes(bytes(65_500) + EICAR)

    assert scanner.scan(clean) is None
    assert scanner.scan(bad) == "Eicar-Test-Signature"
    assert clamd.received[0] == clean.read_bytes()


@pytest.mark.parametrize(
    "answer", [b"INSTREAM size limit exceeded. ERROR", b"", b"stream: FOUND", b"\xff", b"OK then"]
)
def test_an_answer_that_is_no_verdict_has_not_passed(tmp_path, answer):
    server = ClamdServer(answer or b" ")
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(ScannerAway):
        Clamd(server.address, 5).scan(tmp_path / "a")
    server.close()


def test_a_scanner_that_is_away_has_passed_nothing(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 5\n")
    slow.chmod(0o755)
    for scanner in (
        Clamd(address, 1), Command("/no/such/scanner", 1), Command(str(slow), 0.2), Command("false", 1),
    ):  # fmt: skip
        with pytest.raises(ScannerAway):
            scanner.scan(tmp_path / "a")


def doctor_on_scanning(house, **configured):
    scanner = make_scanner(**{"clamd": "", "command": "", "timeout_seconds": 5} | configured)
    (told,) = [one for one in check_system(replace(house, scanner=scanner)) if "病毒扫描" in one.what]
    return told


def test_the_doctor_asks_the_scanner_for_a_harmless_file_and_for_the_test_virus(house, clamd):
    told = doctor_on_scanning(house, clamd=clamd.address)

    assert (told.good, told.what) == (True, "病毒扫描可用，认得出 EICAR 测试文件")
    assert [EICAR in body for body in clamd.received] == [False, True]
    assert doctor_on_scanning(house).good


@pytest.mark.parametrize(
    ("answer", "said"),
    [(b"stream: OK", "认不出"), (b"stream: Win.Evil FOUND", "无害的文件"), (b"stream: ERROR", "没有结论")],
)
def test_a_scanner_that_finds_nothing_everything_or_no_verdict_fails_the_doctor(house, answer, said):
    server = ClamdServer(answer)
    told = doctor_on_scanning(house, clamd=server.address)
    server.close()

    assert (told.good, said in told.what, bool(told.advice)) == (False, True, True)


def test_a_scanner_that_is_away_fails_the_doctor(house):
    told = doctor_on_scanning(house, command="/no/such/scanner")

    assert (told.good, "__COMMAND" in told.advice) == (False, True)


def test_a_command_is_given_the_file_and_judged_by_its_exit_code(tmp_path):
    script = tmp_path / "scan"
    script.write_text('#!/bin/sh\ngrep -q EICAR "$1" || exit 0\necho "$1: Eicar FOUND"\nexit 1\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "ok").write_bytes(b"x")
    (tmp_path / "bad; rm -rf x").write_bytes(EICAR)

    scanner = make_scanner(clamd="", command=str(script), timeout_seconds=5)

    assert scanner.scan(tmp_path / "ok") is None
    assert scanner.scan(tmp_path / "bad; rm -rf x") == "Eicar"


def test_two_scanners_are_one_too_many():
    with pytest.raises(ReviewbotError, match="只能填一个"):
        load_settings(scan={"clamd": "a:1", "command": "x", "timeout_seconds": 1})


def kept(house):
    with house.database.begin() as session:
        return session.scalars(select(Evidence).order_by(Evidence.id)).all()


def send(house, number, data, name="现场.jpg"):
    with house.database.begin() as session:
        add_evidence(
            session, number, data, name, viewer(house, handler_of(house, number)),
            at=house.clock.now(), folder=house.settings.data_dir,
        )  # fmt: skip


def scan(house, address):
    return scan_evidence(house.database, Clamd(address, 5), house.settings.data_dir, at=house.clock.now())


def test_a_clean_file_passes_and_an_infected_one_is_put_away_named_and_told(house, clamd):
    number = verifying(house)
    photograph(house, handler_of(house, number), number)
    send(house, number, b"%PDF-" + EICAR, "材料.pdf")
    clean, bad = kept(house)
    assert not is_shown(clean, scanning=True)
    assert is_shown(clean, scanning=False)

    assert scan(house, clamd.address) == 2
    assert scan(house, clamd.address) == 0

    clean, bad = kept(house)
    assert (clean.safety, bad.safety, bad.finding) == (Safety.CLEAN, Safety.INFECTED, "Eicar-Test-Signature")
    assert is_shown(clean, scanning=True)
    assert not is_shown(bad, scanning=False)
    folder = house.settings.data_dir
    assert not evidence_path(folder, bad.sha256).exists()
    assert quarantine_path(folder, bad.sha256).read_bytes() == b"%PDF-" + EICAR
    (told,) = messages(house, kind="infected")
    assert told.userid == handler_of(house, number)
    assert "材料.pdf" in told.body["content"]
    assert "Eicar-Test-Signature" in told.body["content"]
    assert events(house, number)[-1].move == "quarantine"


def test_two_rows_with_one_infected_file_are_both_named_and_keep_nobody_waiting(house, clamd):
    one, other = verifying(house), verifying(house)
    for number in (one, other):
        send(house, number, b"%PDF-" + EICAR, "材料.pdf")
    photograph(house, handler_of(house, one), one)

    assert scan(house, clamd.address) == 3

    assert [row.safety for row in kept(house)] == [Safety.INFECTED, Safety.INFECTED, Safety.CLEAN]
    assert len(messages(house, kind="infected")) == 2
    assert {events(house, number)[-1].move for number in (other,)} == {"quarantine"}
    send(house, other, b"%PDF-" + EICAR, "再传.pdf")
    assert scan(house, clamd.address) == 1
    assert kept(house)[-1].safety is Safety.INFECTED


def test_a_file_put_away_by_a_worker_that_died_before_it_said_so_is_still_named(house, clamd):
    number = verifying(house)
    send(house, number, b"%PDF-" + EICAR, "材料.pdf")
    (row,) = kept(house)
    away = quarantine_path(house.settings.data_dir, row.sha256)
    away.parent.mkdir(parents=True, exist_ok=True)
    evidence_path(house.settings.data_dir, row.sha256).replace(away)
    photograph(house, handler_of(house, number), number)

    assert scan(house, clamd.address) == 2

    assert [row.safety for row in kept(house)] == [Safety.INFECTED, Safety.CLEAN]
    assert away.exists()


def test_a_file_that_is_lost_keeps_those_behind_it_from_nothing(house, clamd):
    number = verifying(house)
    send(house, number, b"%PDF- lost", "材料.pdf")
    evidence_path(house.settings.data_dir, kept(house)[0].sha256).unlink()
    photograph(house, handler_of(house, number), number)

    assert scan(house, clamd.address) == 1

    assert [row.safety for row in kept(house)] == [Safety.UNSCANNED, Safety.CLEAN]


def test_what_was_put_away_is_no_evidence_for_the_approver(house, clamd):
    number = verifying(house)
    call(house, number)
    conclude(house, number)
    send(house, number, b"%PDF-" + EICAR, "材料.pdf")
    scan(house, clamd.address)
    move(house, handler_of(house, number), "submit_measures", number, remark="增设窗口")

    with pytest.raises(InvalidInput, match="没有附件"):
        move(house, "wangzehao01", "approve", number)


def test_while_the_scanner_is_away_nothing_is_settled(house):
    number = verifying(house)
    photograph(house, handler_of(house, number), number)

    assert scan(house, "127.0.0.1:1") == 0
    assert kept(house)[0].safety is Safety.UNSCANNED


def taken(orientation=6):
    """A photograph as a telephone writes it: sideways, with the place it was taken at."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "PhoneMaker"
    exif.get_ifd(0x8825)[2] = (23.0, 31.0, 12.0)
    out = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(out, "JPEG", exif=exif)
    return out.getvalue()


def test_the_shown_copy_is_upright_and_says_nothing_of_place_or_telephone(tmp_path):
    original = tmp_path / "photo"
    original.write_bytes(taken())

    copy = plain_copy(original, "image/jpeg")

    assert b"PhoneMaker" not in copy.read_bytes()
    with Image.open(copy) as shown:
        assert shown.size == (20, 40)
        assert not shown.getexif()
    assert original.read_bytes() == taken()
    assert plain_copy(original, "image/jpeg") == copy


def odd(orientation):
    """Its width is a text, which no standard allows."""
    tags = struct.pack("<HHI4s", 0x0100, 2, 4, b"abc\0") + struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + tags + bytes(4)
    out = io.BytesIO()
    picture = Image.new("RGB", (40, 20), "red")
    picture.paste("blue", (0, 0, 20, 10))
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.mark.parametrize("orientation", range(10))
def test_a_photograph_with_an_odd_tag_is_shown_upright(tmp_path, orientation):
    """Where the blue quarter, at the upper left as stored, belongs by the EXIF standard."""
    (tmp_path / "photo").write_bytes(odd(orientation))
    corners = {
        2: "right upper",
        3: "right lower",
        4: "left lower",
        6: "right upper",
        7: "right lower",
        8: "left lower",
    }

    with Image.open(plain_copy(tmp_path / "photo", "image/jpeg")) as shown:
        assert shown.size == ((20, 40) if 5 <= orientation <= 8 else (40, 20))
        across, down = corners.get(orientation, "left upper").split()
        place = (2 if across == "left" else shown.width - 3, 2 if down == "upper" else shown.height - 3)
        red, _, blue = shown.getpixel(place)
        assert blue > red


@given(st.binary(max_size=200))
def test_noise_is_refused_in_one_sentence_and_never_shown(tmp_path_factory, noise):
    original = tmp_path_factory.mktemp("noise") / "photo"
    original.write_bytes(b"\xff\xd8\xff" + noise)
    with pytest.raises(InvalidInput):
        plain_copy(original, "image/jpeg")


def test_a_picture_of_absurd_size_is_refused(tmp_path):
    out = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(out, "PNG")
    (tmp_path / "photo").write_bytes(out.getvalue())
    with pytest.raises(InvalidInput):
        plain_copy(tmp_path / "photo", "image/png")
