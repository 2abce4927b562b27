#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random histories of the executable model (feedmodel.py), each operation done by the C feed, too (feed_replay).

usage: against_model.py REPLAY [HISTORIES [FIRST]]

After every operation its result, the bytes, all counters and the state of every reader must be the same, and the
model's own checks must hold. What the model leaves open is settled here as the C code has it: sizes of segments,
order in live[], bytes offered to a solo at a time, room asked for once per batch.
"""
import random, subprocess, sys, zlib
from collections import Counter
import feedmodel
from feedmodel import DUE, IDLE, WAIT, DOWN, INF, Seg, unit

ALL = 2 ** 64 - 1                                           # keep_to: keep everything
EFULL, ENOMEM = -4099, -12
NOBODY = 64                                                 # a source that is no reader
SIZES = [4096 - 48, 16384 - 48, 69632 - 48]                 # room in a segment of each size
LETTER = {DUE: 'u', IDLE: 'i', WAIT: 'w', DOWN: 'd'}

class Piece(feedmodel.Piece):
    def __init__(p, kind, stamp, data, off=0):
        super().__init__(kind, stamp, data, off)
        p.held = len(data) - off                            # what was sent before is not copied
feedmodel.Piece = Piece

class Feed(feedmodel.Feed):
    """The model, with the C code's choices."""
    def __init__(f, queue, raw, close):
        super().__init__(queue, queue, raw, close, iovs=16)
        f.sizes = [n for n in SIZES if n + 48 <= queue // 4] or [max(64, queue // 4 & ~7)]
        f.size = 0

    def room(f, waits, pending, size):
        used = f.used + pending
        if f.refusing or used == 0: return True
        if not f.keeping(): return f.used <= f.queue
        return used < f.queue if waits else used + size + 8 <= f.queue // 2

    def open(f, size):
        s = f.segs[-1] if f.segs else None
        if s and s.seq0 >= f.to and f.size < len(f.sizes) - 1: f.size += 1
        cap = f.sizes[f.size]
        f.segs.append(Seg(f.seq, f.byte, cap if size + 8 <= cap else (size + 15) & ~7))

    def append(f, msgs, src):
        if f.refusing: return f.refuse(len(msgs), src, 'down')
        if src:
            o = src.solo or f.to_solo(src, DUE)
            if not o.own: o.own_from = f.seq
            o.own += len(msgs)
            f.sum_own += len(msgs)
        for m in msgs:
            s = f.segs[-1] if f.segs else None
            if not s or len(s.data) + len(m) + 8 * len(s.end) + 8 > s.cap: f.open(len(m))
            s = f.segs[-1]
            if f.ahead.n: s.t.add(f.ahead); f.ahead = feedmodel.Tally()
            s.data += m; s.end.append(len(s.data)); s.src.append(src.slot if src else -1)
            f.seq += 1; f.byte += len(m); f.used += len(m) + 8
        f.routed += len(msgs) * (f.readers() - (src is not None))
        f.trim()

    def trim(f):
        head = f.segs[-1] if f.segs else None
        super().trim()
        if head and not f.segs and f.size and len(head.data) < head.cap // 4: f.size -= 1

    def add_live(f, r):                                     # who is at `done` stays the next
        L, d, n = f.live, f.done, len(f.live)
        L.append(r)
        if d + 1 < n: L[n] = L[d + 1]
        if d < n: L[d + 1] = L[d]
        L[d] = r
        f.done += 1
        f.reindex()

    def del_live(f, r):
        L, hole, last = f.live, r.idx, len(f.live) - 1
        if hole < f.done:
            f.done -= 1
            L[hole] = L[f.done]
            hole = f.done
            if hole < last: L[hole] = L[hole + 1]; hole += 1
        L[hole] = L[last]
        L.pop()
        r.idx = -1
        f.reindex()

    def reindex(f):
        for i, r in enumerate(f.live): r.idx = i

    def doom(f, r): f.state(r, DOWN); return ENOMEM

    def live_result(f, r, got):
        iov = [f.message(q)[0] for q in range(f.frm, f.to)]
        if got == sum(map(len, iov)):
            L, d = f.live, f.done
            L[r.idx], L[d] = L[d], r
            f.reindex()
            f.done += 1
            f.written += f.to - f.frm
            return 0
        o, i = f.to_solo(r, WAIT), 0
        while got >= len(iov[i]): got -= len(iov[i]); i += 1
        f.written += i
        f.move(o, o.seq + i)
        return f.doom(r) if got and not f.keep_rest(r, iov[i], got) else 0

    def begun(f, o): return bool(o.pieces) and (o.pieces[0].off > 0 or o.pieces[0].kind == 'rest')

    def next(f, r):
        """What the solo sends next, its own messages skipped: a piece, a message, or None."""
        o = r.solo
        while True:
            p = o.pieces[0] if o.pieces else None
            if f.begun(o): return p
            if o.seq < f.first(): return None
            if p and p.stamp <= o.seq: return p
            if o.seq >= f.to: return None
            m, src = f.message(o.seq)
            if not (o.own and src == r.slot and o.seq >= o.own_from): return m
            o.own -= 1; f.sum_own -= 1; r.base += 1; f.move(o, o.seq + 1)

    def rest(f, r):
        o = r.solo
        if not o.pieces and not o.own and not r.sticky and o.seq == f.to: f.un_solo(r); f.add_live(r)
        else: f.state(r, IDLE)

    def ahead_bytes(f, r):
        """All that the solo could send now, in order, as a list of whole pieces and messages. Changes nothing."""
        o, out = r.solo, []
        seq, own, pieces = o.seq, o.own, list(o.pieces)
        first = True
        while True:
            p = pieces[0] if pieces else None
            if first and f.begun(o) or p and seq >= f.first() and p.stamp <= seq:
                out.append(bytes(p.data[p.off:])); pieces.pop(0); seq += p.kind == 'rest'; first = False; continue
            first = False
            if seq < f.first() or seq >= f.to: return out
            m, src = f.message(seq)
            if own and src == r.slot and seq >= o.own_from: own -= 1
            else: out.append(m)
            seq += 1

    def done_solo(f, r, got, full):
        o = r.solo
        err, partial = 0, False
        while (x := f.next(r)) is not None:
            piece = isinstance(x, Piece)
            n = len(x.data) - x.off if piece else len(x)
            if got < n: break
            got -= n
            if piece: o.pieces.pop(0)
            if not piece or x.kind == 'rest': f.move(o, o.seq + 1); f.written += 1
        if full: f.state(r, WAIT)
        if got and isinstance(x, Piece): x.off += got
        elif got and not f.keep_rest(r, x, got): err = f.doom(r)
        if not got and not full and x is None and o.seq >= f.first(): f.rest(r)
        elif not got and not full: f.state(r, DUE)          # to the end of the line
        return err

    def next_overrun(f):                                    # those passed go to the end of the line
        wait = f.lists[WAIT]
        if not f.close: return None
        for r in list(wait):
            if f.gone.n <= f.gone.due: break
            if r.solo.seq < f.first(): f.state(r, DOWN); return r
            del wait[r]; wait[r] = 1
        return None

class Replay:
    """The C feed, at the other end of a pipe."""
    def __init__(c, path):
        c.p = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        c.log = []

    def ask(c, op, *args):
        line = op + ' ' + ' '.join(str(int(a)) for a in args)
        c.log.append(line)
        c.p.stdin.write(line + '\n')
        c.p.stdin.flush()
        answer = c.p.stdout.readline()
        assert answer, 'the C feed is gone'
        result, *state = answer.rstrip('\n').split(' | ')
        return [int(x) for x in result.split()], ' | '.join(state)

class History(feedmodel.History):
    def __init__(h, seed, c):
        h.c, h.rnd = c, random.Random(seed)
        r = h.rnd
        h.one = r.random() < .3
        queue = r.choice([256, 256, 1024, 1024, 8192, 17000, 70000])
        h.raw = h.one and r.random() < .2
        h.f = Feed(queue, h.raw, close=not h.one and r.random() < .25)
        h.hold, h.flushed, h.blocking, h.switched = r.random() < .7, False, r.random() < .4, True
        h.links, h.dead, h.slots, h.top, h.gid, h.log, h.srcs, h.safe, h.never, h.fed, h.batch = \
            [], [], [], 0, 0, {}, {}, set(), set(), [], 0
        h.fail, h.fails = False, r.random() < .2
        h.f.nomem = lambda: h.fail
        c.log = ['seed %d' % seed]
        h.do('N', queue, h.raw, h.f.close)
        h.keep(INF if h.blocking else 0)
        for _ in range(1 if h.one else r.randint(1, 6)): h.up()

    # -- one operation on both
    def state(h):
        f, d = h.f, h.f.dropped
        words = [f.seq, f.routed, f.written, f.lost, f.total_waiting(), f.overdue(), f.used, d['full'], d['down'], d['memory']]
        out = []
        for r in sorted(h.links, key=lambda r: r.slot):
            o = r.solo
            letter = LETTER[o.state] if o else 'L' if r.idx < f.done else 'l'
            numbers = [f.pos(r), r.base, r.dropped, f.waiting(r)]
            if o: numbers += [o.own, sum(p.held for p in o.pieces)]
            out.append('%d%s%s' % (r.slot, letter, ','.join(map(str, numbers))))
        return ' '.join(map(str, words)) + ' | ' + ' '.join(out) if out else ' '.join(map(str, words)) + ' |'

    def do(h, op, *args, want=None):
        """The C feed's turn, after the model's: same result, same state. Answers the result."""
        result, state = h.c.ask(op, *args)
        assert want is None or result == want, '%s: model %s, C %s' % (h.c.log[-1], want, result)
        assert state == h.state(), '%s:\nmodel %s\nC     %s' % (h.c.log[-1], h.state(), state)
        return result

    # -- links
    def up(h):
        if h.one and h.links: return
        slot = h.slots.pop() if h.slots else h.top
        h.top = max(h.top, slot + 1)
        l = feedmodel.Reader(slot, False)
        l.want_sticky = h.rnd.random() < .1
        l.speed, l.full, l.units = h.rnd.choice([0, 0, 3, 50, INF, INF, INF]), False, []
        l.spoke = l.n_data = l.seen = 0
        if h.one:
            l.base = l.joined = h.f.seq
            h.f.live.append(l); l.idx = 0
            h.f.frm = h.f.to = h.f.seq                      # to_solo() wants a live reader
            h.f.to_solo(l, DOWN)
            h.f.trim()
        else:
            h.f.join(l)
        h.links.append(l)
        h.do('D' if h.one else 'J', slot, want=[0])
        if h.one and not h.hold: h.park(l)

    def park(h, l):
        h.f.park(l, h.hold)
        h.do('P', l.slot, h.hold)

    def down(h, l):
        if l.solo and l.solo.state == DOWN and h.one and not l.failed: return
        l.failed = False
        feedmodel.History.down(h, l)
        h.do('P' if h.one else 'L', l.slot, *([h.hold] if h.one else []))

    def unpark(h, l):
        l.sink.buf = bytearray()
        h.f.unpark(l)
        h.do('U', l.slot)

    def sticky(h):
        for l in h.links:
            if l.want_sticky and l.solo and not l.sticky: l.sticky = True; h.do('G', l.slot)

    # -- messages in
    def keep(h, keep_to):
        h.f.keep_to = keep_to
        h.f.trim()
        h.do('K', ALL if keep_to == INF else keep_to)

    def feed(h):
        f, r = h.f, h.rnd
        if not h.links: return
        src = None if h.one or r.random() < .5 else r.choice(h.links[-r.choice([2, 99]):])
        who = src.slot if src else NOBODY
        waits = h.blocking and r.random() < .6
        batch = r.random() < .1 and (waits or not f.keeping()) # asked for once, then all comes
        run, pending, first = [], 0, h.gid + 1
        for i in range(r.randint(1, 40) if batch else r.randint(1, 5)):
            n = r.randint(1, 40) if r.random() < .9 else r.randint(40, max(40, min(f.queue // 2 - 17, 3000)))
            size = 0 if waits else n + 9
            if not batch or i == 0:
                room = f.room(waits, pending, size)
                h.do('R', waits, pending, size, want=[room])
            if not room and not waits and f.keeping():
                f.refuse(1, src, 'full')
                h.do('F', 1, who)
            if not room: continue
            h.gid += 1
            run.append(unit(b'D', h.gid, n))
            h.srcs[h.gid] = src; h.log[h.gid] = len(h.log); pending += n + 17
            if not f.refusing: h.fed.append(h.gid)
            if not f.refusing and f.keep_to == INF: h.safe.add(h.gid)
        h.batch = max(h.batch, pending)
        if not run: return
        f.append(run, src)
        h.do('A', who, first, len(run), *(len(m) - 9 for m in run), want=[0])
        if src and not f.refusing: src.spoke += len(run)

    def private(h, l):
        f, r = h.f, h.rnd
        if l.solo and l.solo.state == DOWN: return
        control, n = r.random() < .5, r.randint(1, 20)
        kind = 'control' if control else 'private'
        data = b'B' * r.choice([1, 3]) if control else unit(b'P', h.gid + 1, n)
        clear, sent, args = f.clear(l), 0, (0, len(data)) if control else (h.gid + 1, n)
        h.do('B', l.slot, want=[clear])
        if not clear and l.solo and sum(p.held for p in l.solo.pieces) + len(data) > f.queue:
            h.do('S', l.slot, *args, 0, want=[EFULL])
            return
        if not control: h.gid += 1; h.srcs[h.gid] = 0; h.log[h.gid] = len(h.log)
        if clear: sent = h.take(l, data)
        if sent == len(data): return
        f.aside(l, kind, data, sent)
        f.trim()
        if sent: f.state(l, WAIT)
        h.do('S', l.slot, *args, sent, want=[0])
        if clear and not sent: f.state(l, WAIT); h.do('W', l.slot)

    # -- messages out
    def serve(h, l):
        f, r = h.f, h.rnd
        room = r.choice([1, 100, 10 ** 6, 10 ** 6])
        if not f.begun(l.solo) and l.solo.seq < f.first():
            if f.close:
                f.state(l, DOWN)
                h.do('T', l.slot, room, want=[-1, 0])
                l.failed = True
                return h.down(l)
            f.jump(l, f.landing(), 'full')
        ahead = f.ahead_bytes(l)
        if not ahead: assert f.next(l) is None; f.rest(l)
        n, digest = h.do('T', l.slot, room)
        data = b''.join(ahead)
        assert (n > 0) == bool(data) and zlib.adler32(data[:n]) == digest, 'not what the model sends: %s' % h.c.log[-1]
        if not n: return
        sizes, sums = [len(x) for x in ahead], [0]
        for x in sizes: sums.append(sums[-1] + x)
        assert n in sums and (n <= room or n == sizes[0]), 'cut inside a unit'
        got = h.take(l, data[:n])
        full = got < n and r.random() < .9
        h.fail = h.fails and r.random() < .1
        err = f.done_solo(l, got, full)
        h.do('O', l.slot, got, full, h.fail, want=[err])
        h.fail = False
        if err: l.failed = True; h.down(l)

    def chunk(h, k):
        f = h.f
        links = f.live[f.done:f.done + k]
        data = b''.join(f.message(q)[0] for q in range(f.frm, f.to)) if links else b''
        want = [len(data), zlib.adler32(data)] + [l.slot for l in links]
        h.do('C', min(k, NOBODY), want=want)
        failed = []
        for l in links:
            got = h.take(l, data)
            h.fail = h.fails and h.rnd.random() < .1
            err = f.live_result(l, got)
            h.do('V', l.slot, got, h.fail, want=[err])
            h.fail = False
            if err: failed.append(l)
        for l in failed: l.failed = True; h.down(l)

    def flush(h, all=False, ready=True):
        f, r = h.f, h.rnd
        f.start_pass()
        h.do('Z', want=[f.done < len(f.live)])
        for l in list(f.lists[WAIT]):
            if ready and (all or l.speed and r.random() < .7): f.state(l, DUE); h.do('Y', l.slot)
        due = list(f.lists[DUE])[:NOBODY if all else r.choice([2, NOBODY])]
        h.do('I', NOBODY, want=[l.slot for l in f.lists[DUE]])
        for l in due:
            if l in f.lists[DUE]: h.serve(l)
        h.chunk(NOBODY if all else r.choice([1, 3, 100]))
        f.trim()
        h.do('M')
        while l := f.next_overrun():
            h.do('X', want=[l.slot])
            l.failed = True
            h.down(l)
        h.do('X', want=[-1])

    def settle(h):
        for _ in range(8 * len(h.fed) + 20):
            h.flush(all=True, ready=False)
            if not h.f.lists[DUE] and h.f.to == h.f.seq: break
        assert h.f.keeping() or h.f.used <= h.f.queue, 'still shut'
        assert not h.f.lists[DUE] and h.f.to == h.f.seq, 'still due'

    def step(h):
        f, r, a = h.f, h.rnd, h.rnd.random()
        l = r.choice(h.links) if h.links else None
        if not l: return h.up()
        isdown = l.solo and l.solo.state == DOWN
        h.sticky()
        if a < .05 and not h.one and len(h.links) < 12: h.up()
        elif a < .10 and h.one and isdown: h.unpark(l)
        elif a < .08 and not isdown:
            h.down(l)
            if not h.one and r.random() < .5: h.up()
        elif a < .44: h.feed()
        elif a < .52: h.private(l)
        elif a < .58: l.speed = r.choice([0, 3, 50, INF, INF])
        elif a < .59 and h.blocking: h.blocking = False; h.keep(f.seq)
        elif a < .595: h.blocking = True; h.keep(INF)
        elif a < .61: h.settle(); h.flushed = True
        else: h.flush(); h.flushed = True

    def drain(h):
        h.fails = False
        f = h.f
        for l in list(h.links):
            l.speed = INF
            if l.solo and l.solo.state == DOWN: h.unpark(l)
        for _ in range(8 * len(h.fed) + 20):
            h.flush(all=True)
            if not f.lists[DUE] and not f.lists[WAIT] and f.to == f.seq and f.done == len(f.live): break
        h.check()
        for l in h.links:
            assert f.waiting(l) == 0 and not l.sink.buf and (l.sticky or not l.solo), 'not drained'
        assert f.used == 0 and not f.segs, 'an idle feed owns nothing'

def run(seed, c):
    feedmodel.Reader.failed = False
    h = History(seed, c)
    for _ in range(h.rnd.randint(50, 250)): h.step(); h.check()
    h.drain()
    f = h.f
    assert h.c.ask('E')[0] == [0]
    return Counter(messages=f.seq, routed=f.routed, written=f.written, lost=f.lost, operations=len(c.log) - 1) + f.count

def main(path, histories=500, first=0):
    total, c = Counter(), Replay(path)
    for seed in range(int(first), int(first) + int(histories)):
        try: total += run(seed, c)
        except Exception:
            print('seed', seed, 'last operations:', *c.log[-12:], sep='\n')
            raise
    c.p.stdin.close()
    assert c.p.wait() == 0
    print('%d histories: %s; model and C agree' % (int(histories), ', '.join('%s %d' % kv for kv in total.items())))

if __name__ == '__main__':
    if not 2 <= len(sys.argv) <= 4: sys.exit(__doc__)
    main(*sys.argv[1:])
