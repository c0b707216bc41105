"""The virus scanner beside the house: clamd over TCP, or a command that is given a file.

Answers None for a clean file, else the name of what was found. Whatever else happens is ``ScannerAway``: a file
nobody could look at has not passed.
"""

import shlex
import socket
import struct
import subprocess
from pathlib import Path
from typing import Protocol

CHUNK = 64 * 1024
ANSWER_BYTES = 4096


class ScannerAway(Exception):
    """The scanner cannot be reached, did not answer in time, or answered something else."""


class Scanner(Protocol):
    def scan(self, file: Path) -> str | None:
        """The name of the virus, or None. Raises ScannerAway."""
        ...


class Clamd:
    """clamd's INSTREAM: the length of each piece in four bytes, its bytes, a length of zero at the end."""

    def __init__(self, address: str, timeout_seconds: float) -> None:
        host, _, port = address.rpartition(":")
        self._place = (host, int(port))
        self._timeout = timeout_seconds

    def scan(self, file: Path) -> str | None:
        try:
            return _verdict(self._ask(file))
        except OSError as wrong:
            raise ScannerAway(type(wrong).__name__) from None

    def _ask(self, file: Path) -> str:
        with socket.create_connection(self._place, timeout=self._timeout) as wire, file.open("rb") as data:
            wire.sendall(b"zINSTREAM\0")
            while piece := data.read(CHUNK):
                wire.sendall(struct.pack(">I", len(piece)) + piece)
            wire.sendall(struct.pack(">I", 0))
            answer = b""
            while not answer.endswith(b"\0") and len(answer) < ANSWER_BYTES and (more := wire.recv(1024)):
                answer += more
        return answer.decode("utf-8", "replace").strip("\0\r\n ")


def _verdict(answer: str) -> str | None:
    """``stream: OK`` or ``stream: NAME FOUND``; ``… ERROR`` and everything else is no verdict."""
    said = answer.removeprefix("stream:").strip()
    if said == "OK":
        return None
    name, found, rest = said.rpartition(" FOUND")
    if found and name and not rest:
        return name
    raise ScannerAway("no verdict")


class Command:
    """A command that gets the file as its last word, as clamscan: 0 clean; 1 and a line ``…: NAME FOUND`` infected.

    Anything else is no verdict: a command that breaks down must not put away what may be sound.
    """

    def __init__(self, command: str, timeout_seconds: float) -> None:
        self._words = shlex.split(command)
        self._timeout = timeout_seconds

    def scan(self, file: Path) -> str | None:
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own command, no shell
                [*self._words, str(file)], capture_output=True, timeout=self._timeout, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as wrong:
            raise ScannerAway(type(wrong).__name__) from None
        if done.returncode == 0:
            return None
        said = done.stdout.decode("utf-8", "replace").splitlines()
        line = next((one.strip() for one in said if one.strip().endswith(" FOUND")), "")
        if done.returncode != 1 or not line:
            raise ScannerAway(f"exit code {done.returncode}")
        return line.rpartition(": ")[2].removesuffix(" FOUND")[:200] or "未命名"


def make_scanner(*, clamd: str, command: str, timeout_seconds: float) -> Scanner | None:
    """The one that is configured; None = files are not scanned."""
    if clamd:
        return Clamd(clamd, timeout_seconds)
    return Command(command, timeout_seconds) if command else None
