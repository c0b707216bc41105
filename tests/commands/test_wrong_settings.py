"""A wrong or missing setting stops the start with one line that names it, however narrow the terminal."""

import os
import subprocess
import sys

import pytest

from reviewbot.settings import ROOT

WRONG = {
    "DATABASE_URL": "mysql://x",
    "REDIS_URL": "http://x",
    "BIND": "127.0.0.1:99999",
    "POLICY": "/nowhere/policy.toml",
    "WORKERS": "x",
    "SOURCES__STANDARD__SECRET": "abc",
}


def started(tmp_path, program, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REVIEWBOT_")}
    environment |= {f"REVIEWBOT_{name}": value for name, value in variables.items()}
    return subprocess.run(
        [sys.executable, "-m", *program], cwd=ROOT, check=False, capture_output=True, text=True, timeout=120,
        env=environment | {"REVIEWBOT_DATA_DIR": str(tmp_path), "COLUMNS": "30"},
    )  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_up_stops_with_one_line_that_names_the_setting(tmp_path, name, value):
    told = started(tmp_path, ["reviewbot", "up"], **{name: value})

    (line,) = told.stderr.splitlines()
    assert f"REVIEWBOT_{name} " in line
    assert (told.returncode, told.stdout) == (2, "")


def test_half_a_wecom_stops_the_start_and_names_what_is_missing(tmp_path):
    told = started(tmp_path, ["reviewbot", "up"], WECOM__BASE_URL="http://127.0.0.1:9", WECOM__CORP_ID="ww1")

    (line,) = told.stderr.splitlines()
    assert (told.returncode, line) == (
        2,
        "缺少设置 REVIEWBOT_WECOM__AGENT_ID：填了 REVIEWBOT_WECOM__BASE_URL 就须有它。",
    )


@pytest.mark.parametrize(
    "program", [["uvicorn", "reviewbot.web.serve:app"], ["celery", "-A", "tasks", "worker"]]
)
def test_a_process_started_by_itself_ends_with_that_line_too(tmp_path, program):
    told = started(tmp_path, program, BIND="8000")

    assert told.returncode != 0
    assert [line for line in told.stderr.splitlines() if "REVIEWBOT_BIND" in line]
    assert "Traceback" not in told.stderr


def test_a_data_folder_nobody_can_write_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    told = started(tmp_path / "file", ["reviewbot", "rates"])

    (line,) = told.stderr.splitlines()
    assert line.startswith("设置 REVIEWBOT_DATA_DIR 不对")
    assert told.returncode == 2


def test_the_doctor_names_weak_and_lost_secrets_and_variables_that_are_no_setting(command):
    told = command(
        "doctor", REVIEWBOT_SOURCES__STANDARD__SECRET="whsec_YWJj", REVIEWBOT_SOURCES__STANDART__SECRET="whsec_YWJj",
        REVIEWBOT_DATABSE_URL="postgresql://nowhere/x",
    )  # fmt: skip

    assert told.returncode == 1
    said = told.stdout
    assert "来源 standard 的签名密钥只有 3 字节" in said
    assert "REVIEWBOT_SOURCES__STANDART__SECRET 没有对应的来源" in said
    assert "环境变量 REVIEWBOT_DATABSE_URL 不是本系统的设置" in said
