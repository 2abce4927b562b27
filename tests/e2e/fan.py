# SPDX-License-Identifier: MIT
"""
fan.py JSON: one source and many readers in one process. {"source": port, "readers": port, "n": readers, "lines": N,
"window": bytes or 0, "deadline": s}

Prints "ready" when all are connected, begins at a line on standard input, sends `seq 1 N`, checks every byte that each
reader gets, prints a JSON result, and stays connected until its input ends. With a window the source goes on only
when all readers have everything so far: then no reader can be called slow. "pause": the longest time in which no
reader got anything though there was more to come.
"""
import json
import select
import socket
import sys
import time

want = json.loads(sys.argv[1])
data = b"".join(b"%d\n" % i for i in range(1, want["lines"] + 1))
total = len(data)
window = want["window"] or total


def connect(port):
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


source = connect(want["source"])
poll = select.epoll()
socks, got = {}, {}
for _ in range(want["n"]):
    sock = connect(want["readers"])
    socks[sock.fileno()], got[sock.fileno()] = sock, 0
    poll.register(sock, select.EPOLLIN)
print("ready", flush=True)
sys.stdin.readline()



def lines_before(at):
    """The end of the last whole line up to there."""
    return total if at >= total else data.rindex(b"\n", 0, at) + 1


sent, target, behind, trouble, pause = 0, lines_before(window), len(socks), "", 0.0
start = last = time.monotonic()
poll.register(source, select.EPOLLOUT)
while not trouble and (behind or target < total):
    if not behind:
        target = lines_before(target + window)
        behind = sum(at < target for at in got.values())
        poll.modify(source, select.EPOLLOUT)
    if time.monotonic() > start + want["deadline"]:
        trouble = "late"
    for fd, _ in poll.poll(0.2):
        if fd == source.fileno():
            try:
                sent += source.send(memoryview(data)[sent:min(target, sent + (1 << 18))])
            except BlockingIOError:
                pass
            if sent >= target:
                poll.modify(source, 0)
            continue
        piece = socks[fd].recv(1 << 18)
        at = got[fd]
        if not piece or not data.startswith(piece, at):
            trouble = f"reader {fd} at {at}: {piece[:80]!r} instead of {data[at:at + 80]!r}"
            break
        now = time.monotonic()
        pause, last = max(pause, now - last), now
        got[fd] = at + len(piece)
        behind -= at < target <= got[fd]
print(json.dumps({"trouble": trouble, "whole": sum(at == total for at in got.values()), "least": min(got.values()),
                  "total": total, "sent": sent, "pause": pause, "seconds": time.monotonic() - start}), flush=True)
sys.stdin.read()
