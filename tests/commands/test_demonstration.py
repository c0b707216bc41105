"""The demonstration waits for its servers, not for ever."""

from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from reviewbot.clock import CHINA
from reviewbot.commands.demonstration import _await
from reviewbot.errors import Unavailable
from reviewbot.simulator.director import scene


def test_the_hour_that_is_announced_is_the_one_the_clock_is_set_to():
    set_to, said = [], []

    class Clock:
        at = set_to.append

    for morning in (datetime(2026, 11, 30, 0, 30, tzinfo=UTC), datetime(2026, 12, 14, 17, 5, tzinfo=CHINA)):
        scene(Clock, morning, "派单", said.append, act="第二幕 ")

    assert set_to == [
        datetime(2026, 11, 30, 8, 30, tzinfo=CHINA),
        datetime(2026, 12, 14, 17, 5, tzinfo=CHINA),
    ]
    assert said == ["第二幕 08:30 派单", "第二幕 17:05 派单"]


class NeverReady(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(503)

    def log_message(self, *_):
        pass


def test_a_server_that_is_up_but_never_ready_ends_the_wait(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), NeverReady) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            with pytest.raises(Unavailable, match="没有启动"):
                _await(f"http://127.0.0.1:{server.server_port}/readyz", logs=tmp_path, seconds=0.2)
        finally:
            server.shutdown()
