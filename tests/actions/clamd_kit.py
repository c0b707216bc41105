"""A virus scanner that speaks clamd's protocol over TCP."""

import socket
import struct
import threading

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


class ClamdServer:
    """Speaks clamd's INSTREAM over TCP as its manual has it: finds the EICAR string, whatever pieces it comes in."""

    def __init__(self, answer=None):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.answer, self.received = answer, []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                wire, _ = self.listener.accept()
            except OSError:
                return
            with wire:
                self._talk(wire)

    def _talk(self, wire):
        stream = wire.makefile("rb")
        if stream.read(10) != b"zINSTREAM\0":
            wire.sendall(b"UNKNOWN COMMAND\0")
            return
        data = b""
        while size := struct.unpack(">I", stream.read(4))[0]:
            data += stream.read(size)
        self.received.append(data)
        said = self.answer or (b"stream: Eicar-Test-Signature FOUND" if EICAR in data else b"stream: OK")
        wire.sendall(said + b"\0")

    def close(self):
        self.listener.close()
