"""``reviewbot rates`` by the real command: which figures say something of which cases, and no word cut off."""

import json
import os
import pty
import subprocess
import sys

from case_kit import closed, opened

from reviewbot.queries.counts import intake_balance
from reviewbot.rules.rates import METRICS
from reviewbot.settings import ROOT

MONTH = ("--from", "2026-11-01", "--to", "2026-11-30")
ORDER = {
    "order_no": "G1", "order_type": "投诉", "dispatched_at": "2026-11-27 10:00:00", "department": "社保局",
    "subject": "养老金未到账", "content": "两个月没有到账", "closed_at": "2026-11-28 09:00:00", "satisfaction": "1",
}  # fmt: skip


def test_of_work_orders_only_what_says_something_of_them_is_told(command, tmp_path):
    (tmp_path / "orders.json").write_text(json.dumps([ORDER, ORDER | {"order_no": "G2"}]), "utf-8")
    assert command("import", tmp_path / "orders.json", "--source", "hotline_12345").returncode == 0
    told = json.loads(command("rates", "--kind", "orders", "--json", *MONTH).stdout)

    assert told["kind"] == "orders"
    names = {row["metric"]: row["name"] for row in told["rates"]}
    assert (names["completion_rate"], names["on_time_rectification_rate"]) == ("办结率", "按期办结率")
    assert not [name for name in names.values() if "差评" in name or "整改" in name]
    assert {row["numerator"] for row in told["rates"] if row["metric"] == "completion_rate"} == {2}
    refused = command("rates", "--kind", "orders", "--metric", "rectification_rate")
    assert (refused.returncode, "12345等工单没有指标“rectification_rate”" in refused.stderr) == (1, True)
    assert command("rates", "--kind", "hotline").returncode == 2


def test_a_file_of_something_else_is_refused_whole_and_leaves_no_trace(command, house, tmp_path):
    picture, semicolons, other = (tmp_path / name for name in ("a.csv", "b.csv", "c.csv"))
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00" * 60)
    semicolons.write_text("order_no;order_type;dispatched_at\nG1;求助;2026-11-27 09:00:00\n", "utf-8")
    other.write_text("姓名,电话\n林某,13812345678\n", "utf-8")
    lines = tmp_path / "d.ndjson"
    lines.write_bytes(b"\xff\xd8\xff\n" * 30)
    for file in (picture, semicolons, other, lines):
        refused = command("import", file, "--source", "hotline_12345")
        assert (refused.returncode, "没有导入" in refused.stderr) == (1, True), file
    with house.database.begin() as session:
        assert intake_balance(session, house.clock.now()).received == 0


def test_an_import_tells_what_this_file_brought_in_the_words_of_its_kind(command, tmp_path):
    bad = ORDER | {"order_no": "G3", "dispatched_at": "昨天"}
    (tmp_path / "orders.json").write_text(json.dumps([ORDER, ORDER | {"order_no": "G2"}]), "utf-8")
    (tmp_path / "more.json").write_text(json.dumps([ORDER, bad], ensure_ascii=False), "utf-8")
    assert (
        "本文件 2 条：接收 2。"
        in command("import", tmp_path / "orders.json", "--source", "hotline_12345").stdout
    )
    told = command("import", tmp_path / "more.json", "--source", "hotline_12345").stdout

    assert "本文件 2 条：重复 1，退回发送方 1。" in told
    assert "派单时间“昨天”无法识别" in told


def test_in_a_pipe_every_word_of_every_table_is_whole(house, command, tmp_path):
    closed(house)
    opened(house, department="MED")
    rates = command("rates", "--by", "department", *MONTH).stdout
    draft = tmp_path / "draft.toml"
    draft.write_text(
        command("policy", "show", "2026-11-4").stdout.replace('"2026-11-4"', '"draft"', 1), "utf-8"
    )
    simulated = command("policy", "simulate", draft).stdout

    assert "…" not in rates + simulated
    assert "匿名已接通 0，匿名未接通 0" in rates
    assert all(metric.name in rates for metric in METRICS.values())
    assert "医保分局" in simulated
    assert "非工作时间消息" in simulated


def test_a_figure_says_what_it_leaves_out_as_of_when_and_how_it_is_rounded(house, command):
    closed(house)
    told = command("rates", *MONTH).stdout

    assert "截至 2026-11-30 09:00；百分数四舍五入" in told
    assert "不计：尚未到期的件、申诉成立的件" in told
    rows = json.loads(command("rates", "--json", *MONTH).stdout)["rates"]
    assert {row["metric"]: row["exclusions"] for row in rows}["return_rate"] == ["尚未派单的件"]


def test_on_a_narrow_terminal_words_are_folded_and_none_is_lost(house, settings):
    closed(house)
    environment = os.environ | {
        "REVIEWBOT_DATABASE_URL": settings.database_url, "REVIEWBOT_REDIS_URL": settings.redis_url,
        "REVIEWBOT_DATA_DIR": str(settings.data_dir), "COLUMNS": "60", "TERM": "dumb",
    }  # fmt: skip
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "reviewbot", "rates", *MONTH], cwd=ROOT, env=environment, stdout=theirs
    ):
        os.close(theirs)
        said = b""
        while piece := _read(ours):
            said += piece
    os.close(ours)

    told = said.decode()
    assert "…" not in told
    assert "匿名未接通" in "".join(
        line.split("│")[4].strip() for line in told.splitlines() if line.count("│") > 4
    )


def _read(terminal):
    try:
        return os.read(terminal, 65_536)
    except OSError:  # how a terminal says that its last writer has gone
        return b""
