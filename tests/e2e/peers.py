# SPDX-License-Identifier: MIT
"""
peers.py: the programs and sockets that a test puts around the command.

Conn is a blocking socket with a deadline on every call; `line`, `exactly` and `rest` read what a test expects.
reserve_port() answers a port nobody listens on, held by a bound socket until the test ends: a listener with
SO_REUSEADDR may still take it, nobody gets it by chance.
"""
import ctypes
import os
import select
import socket
import struct
import subprocess
import threading
import time

from wye import SLOWER

HOST = "127.0.0.1"


class Conn:
    def __init__(self, sock, deadline=10):
        self.sock = sock
        self.sock.settimeout(deadline * SLOWER)
        self.kept = b""

    def send(self, data):
        self.sock.sendall(data)
        return self

    def some(self, n=1 << 16):
        if self.kept:
            piece, self.kept = self.kept[:n], self.kept[n:]
            return piece
        return self.sock.recv(n)

    def line(self):
        """The next line, its newline included; what is left at the end of file otherwise."""
        parts = []
        while True:
            piece = self.some()
            parts.append(piece)
            at = piece.find(b"\n")
            if at >= 0 or not piece:
                whole = b"".join(parts)
                end = len(whole) if at < 0 else len(whole) - len(piece) + at + 1
                self.kept = whole[end:] + self.kept
                return whole[:end]

    def lines(self, n):
        return [self.line() for _ in range(n)]

    def exactly(self, n):
        parts, left = [], n
        while left:
            piece = self.some(min(left, 1 << 18))
            assert piece, f"end of file with {left} of {n} bytes missing"
            parts.append(piece)
            left -= len(piece)
        return b"".join(parts)

    def message(self):
        """One message of len32."""
        return self.exactly(struct.unpack(">I", self.exactly(4))[0])

    def rest(self):
        """All up to the end of file; a reset ends it too."""
        parts = []
        while True:
            try:
                piece = self.some()
            except ConnectionResetError:
                piece = b""
            if not piece:
                return b"".join(parts)
            parts.append(piece)

    def finish(self):
        """No more from us; we still read."""
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        """Closes with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


class Dgram:
    """A connected UDP socket."""

    def __init__(self, port, deadline=10, local=None):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(deadline * SLOWER)
        if local:
            self.sock.bind((HOST, local))
        self.sock.connect((HOST, port))

    def send(self, data):
        self.sock.send(data)
        return self

    def recv(self):
        return self.sock.recv(1 << 17)

    def nothing(self):
        """True if nothing has arrived so far."""
        return not select.select([self.sock], [], [], 0)[0]

    def close(self):
        self.sock.close()


def tcp(port, rcvbuf=None, deadline=10, host=HOST):
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    if rcvbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    sock.settimeout(deadline * SLOWER)
    sock.connect((host, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Conn(sock, deadline)


def unix(path, deadline=10):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(deadline * SLOWER)
    sock.connect(str(path))
    return Conn(sock, deadline)


class Server:
    """A TCP server of the test's own."""

    def __init__(self, port=0, deadline=10):
        self.deadline = deadline
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.settimeout(deadline * SLOWER)
        self.sock.bind((HOST, port))
        self.sock.listen(128)
        self.port = self.sock.getsockname()[1]

    def accept(self):
        return Conn(self.sock.accept()[0], self.deadline)

    def close(self):
        self.sock.close()


def reserve_port(kind=socket.SOCK_STREAM):
    """(port, socket that holds it). Connecting to it is refused."""
    sock = socket.socket(socket.AF_INET, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((HOST, 0))
    return sock.getsockname()[1], sock


def state_of(pid):
    """R, S, T, Z ... of a process."""
    with open(f"/proc/{pid}/stat", "rb") as stat:
        return stat.read().rpartition(b")")[2].split()[0].decode()


def cut_lines(data):
    """The lines in the bytes, newlines included."""
    pieces = data.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def in_namespace(body, deadline=120):
    """
    Runs body() on a thread that has its own network: what it starts and opens lives there, nothing outside
    changes. Answers False if the kernel does not allow it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    result = {}

    def run():
        if libc.unshare(0x40000000) != 0:  # CLONE_NEWNET
            result["refused"] = os.strerror(ctypes.get_errno())
            return
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            body()
        except BaseException as e:  # handed to the test's own thread
            result["failed"] = e

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(deadline * SLOWER)
    assert not thread.is_alive(), f"not done in {deadline * SLOWER} s"
    if "failed" in result:
        raise result["failed"]
    return "refused" not in result


def stopwatch():
    start = time.monotonic()
    return lambda: time.monotonic() - start
