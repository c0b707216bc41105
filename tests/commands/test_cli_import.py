"""A file read at the command line: the same door, the same rescue, the published figures."""

import csv
import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from reviewbot.clock import CHINA
from reviewbot.models.review import KeptRecord
from reviewbot.settings import ROOT
from reviewbot.web import intake

ORDER = {
    "order_no": "", "order_type": "求助", "dispatched_at": "", "department": "SOC", "subject": "失业保险金申领",
    "content": "等了很久", "caller_name": "林某", "caller_phone": "13812345678", "closed_at": "", "satisfaction": "",
}  # fmt: skip


@pytest.fixture
def reviewbot(settings):
    """The command as an operator types it, over this test's database; what it printed."""

    def run(*words):
        told = os.environ | {
            "REVIEWBOT_DATABASE_URL": settings.database_url, "REVIEWBOT_REDIS_URL": settings.redis_url,
            "REVIEWBOT_DATA_DIR": str(settings.data_dir), "COLUMNS": "200",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "reviewbot", *map(str, words)], cwd=ROOT, env=told, capture_output=True,
            text=True, timeout=900, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_published_figures_of_2019_come_out_of_the_command_line_from_a_file(reviewbot, tmp_path):
    """揭东 2019 (S7, S8): dispatched 3,617, closed 2,823, satisfied 1,350; both ways of rounding. An earlier export had
    some of them open still, and some without the citizen's answer."""
    earlier = exported(tmp_path / "earlier.csv", closed=2780, answered=2750)
    file = exported(tmp_path / "orders.csv", closed=2823, answered=2823)
    policy = tmp_path / "policy.toml"
    text = (ROOT / "config" / "policy.toml").read_text(encoding="utf-8")
    text = text.replace('rounding = "round"', 'rounding = "truncate"')
    policy.write_text(text.replace('version = "2026-11-4"', 'version = "2026-11-cut"', 1), encoding="utf-8")

    assert "收支平衡" in reviewbot("import", earlier, "--source", "hotline_12345")
    told = reviewbot("import", file, "--source", "hotline_12345")
    assert "收支平衡" in told
    assert re.search(r"重复 +│ +3617 .*\n.*其中工单后续记录 +│ +73 ", told)
    asked = ("rates", "--kind", "orders", "--from", "2019-01-01", "--to", "2019-12-31")
    rounded = reviewbot(*asked)
    reviewbot("policy", "activate", policy, "--yes")
    truncated = reviewbot(*asked)

    for told, completed in ((rounded, "78.05%"), (truncated, "78.04%")):
        assert f"{completed}（2823/3617）" in told
        assert "47.82%（1350/2823）" in told


def exported(file, *, closed, answered):
    """The year's orders as the hotline's list has them on some day: the first so many closed, and answered."""
    start = datetime(2019, 1, 2, 9, tzinfo=CHINA)
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.DictWriter(out, list(ORDER))
        writer.writeheader()
        for number in range(3617):
            sent, said = start + timedelta(hours=2 * number), "满意" if number < 1350 else "不满意"
            writer.writerow(
                ORDER
                | {
                    "order_no": f"G{number}",
                    "dispatched_at": f"{sent:%Y-%m-%d %H:%M:%S}",
                    "closed_at": f"{sent + timedelta(days=3):%Y-%m-%d %H:%M:%S}" if number < closed else "",
                    "satisfaction": said if number < answered else "",
                }
            )
    return file


def test_a_record_no_column_takes_is_refused_alone_in_a_file_too(house):
    """The mapping refuses all that is known; this is for what it does not know."""
    rows = [ORDER | {"order_no": f"G{number}", "dispatched_at": "2026-11-27 09:00:00"} for number in range(5)]
    profile = house.profiles["hotline_12345"]
    records = []
    for row in rows:
        piece = intake.split_body(json.dumps(row, ensure_ascii=False).encode())[0]
        records.append(intake.to_record(house, profile, piece))
    records[3].facts["comment"] = "太\0慢"

    received = intake.receive_and_commit(house, intake.Delivery("hotline_12345", "import", records))

    assert [one.result for one in received.results[0]] == ["accepted"] * 3 + ["refused", "accepted"]
    assert len(received.bad_review_ids) == 4
    with house.database.begin() as session:
        assert session.scalar(select(func.count()).select_from(KeptRecord)) == 1
