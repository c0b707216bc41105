"""The command by itself: whoever has a bot in any language can try it; nothing of the bureau's system is needed."""

import base64
import http.server
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from simulator_kit import PNG, until
from starlette.testclient import TestClient
from typer.testing import CliRunner
from wechatpy.work import WeChatClient, parse_message
from wechatpy.work.crypto import WeChatCrypto
from wechatpy.work.replies import TextReply

from reviewbot.cli import app
from reviewbot.settings import ROOT
from reviewbot.simulator.alone import sheet
from reviewbot.simulator.profiles import Wishes, configure
from reviewbot.simulator.server import create_simulator

START_SECONDS = 30


def free_port():
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as probe:
        return probe.server_port


class Running:
    """A started command, and what it has printed."""

    def __init__(self, process, port):
        self.process = process
        self.lines = []
        self.root = f"http://127.0.0.1:{port}"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def fact(self, name):
        return next(line.removeprefix(name + ": ") for line in self.lines if line.startswith(name + ": "))

    def wait(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                verify = self.fact("要信任的 CA") if any("CA: " in line for line in self.lines) else True
                root = self.fact("控制台").removesuffix("/console")
                if requests.get(root + "/sim/status", timeout=2, verify=verify).ok:
                    self.root = root
                    return
            except (requests.RequestException, StopIteration):
                assert self.process.poll() is None, self.lines
                self._reader.join(0.05)
        raise AssertionError(f"it did not start: {self.lines}")


@contextmanager
def simulator(*options):
    port = free_port()
    # No database, no Redis, no city: an address that leads nowhere would stop anything that wants them.
    environment = os.environ | {
        "REVIEWBOT_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        "REVIEWBOT_REDIS_URL": "redis://127.0.0.1:9/0",
        "REVIEWBOT_CITY": "/nowhere",
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "reviewbot", "simulator", "--bind", f"127.0.0.1:{port}", *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = Running(process, port)
    try:
        running.wait()
        yield running
    finally:
        process.terminate()
        process.wait(20)
        running._reader.join(5)
        process.stdout.close()


class ForeignBot:
    """A small bot over wechatpy alone, as somebody else would write it."""

    def __init__(self):
        self.heard = []
        self.crypto = None
        bot = self

        class Door(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(bot.crypto.check_signature(*self.query("echostr")))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                signature, timestamp, nonce, _ = self.query(None)
                message = parse_message(bot.crypto.decrypt_message(body, signature, timestamp, nonce))
                bot.heard.append(message)
                reply = TextReply(content=f"收到：{message.content}", message=message).render()
                self.answer(bot.crypto.encrypt_message(reply, nonce, timestamp))

            def query(self, name):
                found = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
                return found["msg_signature"], found["timestamp"], found["nonce"], found.get(name)

            def answer(self, text):
                body = text.encode() if isinstance(text, str) else text
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.address = f"http://127.0.0.1:{self.server.server_port}/wecom"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def test_a_foreign_bot_is_told_everything_and_talks_both_ways():
    token, key = "myowntoken", "x" * 42 + "A"
    with ForeignBot() as bot:
        corp = configure(Wishes(seed=5)).corp_id  # the keys of a seed are the same at every start
        bot.crypto = WeChatCrypto(token, key, corp)
        options = ["--seed", "5", "--callback", bot.address, "--token", token, "--aes-key", key]
        with simulator(*options) as there:
            assert there.fact("corpid") == corp
            assert (there.fact("Token"), there.fact("EncodingAESKey")) == (token, key)
            until(lambda: "回调地址检验：验证通过" in there.lines)
            secret, agent = there.fact("secret"), int(there.fact("agentid"))

            class Client(WeChatClient):
                API_BASE_URL = there.root + "/cgi-bin/"

            keys = {"corpid": corp, "corpsecret": secret}
            access = requests.get(there.root + "/cgi-bin/gettoken", params=keys, timeout=5).json()
            client = Client(corp, secret, access_token=access["access_token"])
            sent = client.message.send_text(agent, "zhangsan", "请签收 A1027")
            uploaded = client.media.upload("image", ("a.png", PNG, "image/png"))
            client.message.send_image(agent, "zhangsan", uploaded["media_id"])
            said = requests.post(
                there.root + "/sim/phones/zhangsan/text", json={"content": "签收 A1027"}, timeout=10
            ).json()
            phone = requests.get(there.root + "/sim/phones/zhangsan/messages", timeout=5).json()["messages"]

        assert sent["errcode"] == 0
        assert said == {"delivered": True, "status": "ok"}
        (heard,) = bot.heard
        assert (heard.source, heard.content) == ("ZhangSan", "签收 A1027")
        assert [m["kind"] for m in phone] == ["text", "image", "text", "text"]
        assert phone[-1]["content"] == {"content": "收到：签收 A1027"}


def test_a_private_deployment_speaks_tls_of_its_own_authority():
    with simulator("--profile", "private") as there:
        authority, name = there.fact("要信任的 CA"), there.fact("请求头")
        base = there.fact("接口地址")
        header = dict([name.split(": ")])
        keys = {"corpid": there.fact("corpid"), "corpsecret": there.fact("secret")}

        with pytest.raises(requests.exceptions.SSLError):
            requests.get(base + "/cgi-bin/gettoken", timeout=5)
        bare = requests.get(base + "/cgi-bin/gettoken", params=keys, verify=authority, timeout=5)
        answer = requests.get(
            base + "/cgi-bin/gettoken", params=keys, headers=header, verify=authority, timeout=5
        ).json()
        query = {"access_token": answer["access_token"], "code": "x"}
        auth = requests.get(
            base + "/cgi-bin/auth/getuserinfo", params=query, headers=header, verify=authority, timeout=5
        )

        assert there.root.startswith("https://")
        assert base.endswith("/qywx")
        assert bare.status_code == 403
        assert answer["errcode"] == 0
        assert auth.status_code == 404


def test_an_official_account_starts_with_templates_and_followers():
    config = configure(Wishes(profile="mp", quirks=("mp_one_time=off",)))
    there = TestClient(create_simulator(config))
    body = {
        "grant_type": "client_credential",
        "appid": config.account.app_id,
        "secret": config.account.secret,
    }

    assert there.post("/cgi-bin/stable_token", json=body).json()["expires_in"] == 7200
    told = there.get("/sim/account").json()
    assert told["templates"]
    assert told["followers"]
    printed = sheet(config, "http://127.0.0.1:9010", "mp", None)
    assert f"appid: {config.account.app_id}" in printed
    assert config.quirks.mp_one_time is False


def test_members_come_from_a_file_and_switches_from_the_command_line(tmp_path):
    people = tmp_path / "people.csv"
    people.write_text("\ufeffuserid,name,department\nzhang,张三,社保局\nli,李四,税务局\n", encoding="utf-8")

    config = configure(Wishes(members=people, quirks=("busy_rate=0.05", "trusted_ips=10.0.0.1, 10.0.0.2")))

    assert [(m.userid, m.department) for m in config.members] == [("zhang", "社保局"), ("li", "税务局")]
    assert (config.quirks.busy_rate, config.quirks.trusted_ips) == (0.05, ("10.0.0.1", "10.0.0.2"))


def test_other_seeds_have_other_keys():
    one, two = configure(Wishes(seed=1)), configure(Wishes(seed=2))

    assert one.corp_id != two.corp_id
    assert one.callback_aes_key != two.callback_aes_key
    assert len(base64.b64decode(one.callback_aes_key + "=", validate=True)) == 32


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--quirk", "nonsense=1"], "nonsense"),
        (["--quirk", "busy_rate=often"], "busy_rate"),
        (["--quirk", "busy_rate"], "busy_rate"),
        (["--profile", "mars"], "--profile"),
        (["--bind", "nowhere"], "--bind"),
        (["--aes-key", "short"], "EncodingAESKey"),
        (["--token", "有空格"], "Token"),
        (["--callback", "ftp://x"], "ftp://x"),
        (["--members", "/nowhere.csv"], "/nowhere.csv"),
    ],
)
def test_a_wrong_option_stops_the_start_with_one_line_that_names_it(options, named):
    told = CliRunner().invoke(app, ["simulator", *options])

    assert told.exit_code == 1
    assert named in told.output
    assert len(told.output.strip().splitlines()) == 1
