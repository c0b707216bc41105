"""The demonstration waits for its servers, not for ever."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from reviewbot.commands.demonstration import _await
from reviewbot.errors import Unavailable


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
