#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Executable model of src/feed: one loop, stream links, modes EVICT, KEEP and CLOSE.

usage: feedmodel.py SEEDS [FIRST]       run that many random histories, check everything after every step, print counts
       feedmodel.py --mutants [SEEDS]   break one rule at a time; each named mutant must be caught (default 600 seeds)
"""
import random, struct, sys
from bisect import bisect_right
from collections import Counter

DUE, IDLE, WAIT, DOWN = 'due', 'idle', 'wait', 'down'       # states of a solo reader: has work; has none until the next pass; socket full; no connection
INF = 1 << 62
MUTANTS = '''due_ignored past_to to_behind own_live torn early_step one_swap stamp_ignored mid_message direct_early ahead_lost gone_lost idle_forgotten big_cut big_segments
keep_ends_early keep_skipped gone_unpinned keep_ignored close_jumps shut_ignored door_uncounted join_unrouted own_counted slot_reuse hold0_kept raw_again
rest_survives'''.split()                                    # src/feed/mutant.h says what each one breaks
mutant = None
def bad(name): return mutant == name                        # "if bad(x)" marks the line that mutant x breaks

class Tally:                                                # solo readers whose next message lies here: how many, how many of them DUE or IDLE, sum of their positions
    def __init__(t): t.n = t.due = t.seq = 0
    def add(t, u): t.n += u.n; t.due += u.due; t.seq += u.seq
class Seg:
    def __init__(s, seq0, byte0, cap): s.seq0, s.byte0, s.cap, s.data, s.end, s.src, s.t = seq0, byte0, cap, bytearray(), [], [], Tally()
class Piece:                                                # bytes for one link alone: 'rest' of a begun message, 'control', 'private'
    def __init__(p, kind, stamp, data, off=0): p.kind, p.stamp, p.data, p.off = kind, stamp, data, off
class Solo:
    def __init__(o, seq, state): o.seq, o.state, o.own, o.own_from, o.pieces = seq, state, 0, 0, []
class Sink:                                                 # the peer of one connection: parses what it gets. Checks: whole units, intact, never torn
    def __init__(k): k.buf, k.units = bytearray(), []
    def take(k, data):
        k.buf += data; i = 0
        while i < len(k.buf):
            if k.buf[i:i+1] == b'B': k.units.append(('B', 0)); i += 1; continue
            assert k.buf[i] in b'DP', 'torn: no unit begins here'
            if i + 9 > len(k.buf): break
            n, gid = struct.unpack('>II', k.buf[i+1:i+9])
            if i + 9 + n > len(k.buf): break
            assert k.buf[i+9:i+9+n] == bytes([gid & 63]) * n, 'torn: wrong bytes inside'
            k.units.append((chr(k.buf[i]), gid)); i += 9 + n
        del k.buf[:i]
def unit(kind, gid, n): return kind + struct.pack('>II', n, gid) + bytes([gid & 63]) * n    # content bytes are never B, D or P: gid & 63 < 64

class Reader:
    def __init__(r, slot, sticky): r.slot, r.sticky, r.solo, r.idx, r.base, r.dropped, r.sink = slot, sticky, None, -1, 0, 0, Sink()

class Feed:                                                 # positions are message numbers: f.seq = number of the next message to be fed
    def __init__(f, cap, queue, raw=False, close=False, iovs=16):
        f.cap = cap if bad('big_segments') else min(cap, queue // 4); f.queue, f.raw, f.close, f.iovs = queue, raw, close, iovs
        f.segs, f.seq, f.byte, f.used = [], 0, 0, 0         # f.segs[0] is the tail, f.segs[-1] the head
        f.live, f.done, f.frm, f.to = [], 0, 0, 0           # live[:done] stand at `to`, live[done:] at `frm`
        f.lists = {DUE: {}, IDLE: {}, WAIT: {}, DOWN: {}}; f.n_solo = f.sum_seq = f.sum_own = 0
        f.ahead, f.gone = Tally(), Tally()                  # solos at the head; solos whose next message was given up
        f.keep_to, f.refusing = 0, False                    # messages before keep_to are never given up (KEEP: INF); hold=0 and down
        f.routed = f.written = f.lost = 0; f.dropped, f.count = Counter(), Counter(); f.nomem = lambda: False
    def readers(f): return len(f.live) + f.n_solo
    def first(f): return f.segs[0].seq0 if f.segs else f.seq
    def seg_at(f, seq): assert f.first() <= seq < f.seq, 'message is not kept'; return f.segs[bisect_right([s.seq0 for s in f.segs], seq) - 1]
    def tally(f, seq): return f.gone if seq < f.first() else f.ahead if seq == f.seq else f.seg_at(seq).t
    def keeping(f): return f.first() < f.keep_to            # mode KEEP, or something of it is still unwritten
    def livemin(f): return f.frm if f.done < len(f.live) else f.to
    def message(f, seq):
        s = f.seg_at(seq); i = seq - s.seq0
        return bytes(s.data[s.end[i-1] if i else 0:s.end[i]]), s.src[i]
    # -- room and append
    def room(f, waits, need, pending=0):                    # may a source that can wait be read / may this message of another one be taken?
        if f.refusing or f.used + pending == 0: return True # pending: of this run, not yet appended
        if f.keeping(): return f.used + pending + need <= (f.queue if waits else f.queue // 2)
        return f.used <= f.queue or bad('shut_ignored')     # over it after trim: pinned by live or due readers. The loop is behind: nobody is read
    def refuse(f, n, src, cause):                           # at the door: counted per feed
        k = n * (f.readers() - (src is not None))
        if not bad('door_uncounted'): f.routed += k
        f.dropped[cause] += k; f.count['of these at the door'] += k
    def append(f, msgs, src):                               # one run of one source; src: the reader it came from, or None
        n = len(msgs); assert f.readers()
        if f.refusing: return f.refuse(n, src, 'down')
        if src:
            o = src.solo or f.to_solo(src, DUE)
            if not o.own: o.own_from = f.seq
            o.own += n; f.sum_own += n
        for m in msgs:
            s = f.segs[-1] if f.segs else None
            if not s or len(s.data) + len(m) + 8 * len(s.end) + 8 > s.cap:
                s = Seg(f.seq, f.byte, max(f.cap, len(m) + 8)); f.segs.append(s)
            if bad('big_cut'): m = m[:f.cap - 8]
            if f.ahead.n and not bad('ahead_lost'): s.t.add(f.ahead); f.ahead = Tally()      # who stood at the head now waits for this message
            s.data += m; s.end.append(len(s.data)); s.src.append(src.slot if src else 0); f.seq += 1; f.byte += len(m); f.used += len(m) + 8
        f.routed += n * (f.readers() - (src is not None)); f.trim()
    def trim(f):                                            # free what nobody needs; when too full give up what only waiting solos need. Touches no link
        while f.segs:
            s = f.segs[0]
            if f.live and f.livemin() < s.seq0 + len(s.end): break
            if s.seq0 < f.keep_to and not bad('keep_ignored') and (s.t.n or f.gone.n and not bad('gone_unpinned')): break
            if s.t.n:
                if len(f.segs) == 1 or f.used <= f.queue or s.t.due and not bad('due_ignored'): break
                if not bad('gone_lost'): f.gone.add(s.t)
                f.count['segments given up'] += 1
            elif f.gone.n and f.used <= f.queue and not f.raw and not f.close: break     # an overrun reader will want the newest half
            f.segs.pop(0); f.used -= len(s.data) + 8 * len(s.end)
            if not f.live and f.to < f.first() and not bad('to_behind'): f.frm = f.first(); f.set_to(f.frm)
    # -- solo readers: filing, becoming one, moving
    def file(f, o, d):
        t = f.tally(o.seq); t.n += d; t.seq += d * o.seq; t.due += d * (o.state in (DUE, IDLE)); f.sum_seq += d * o.seq
    def move(f, o, seq): f.file(o, -1); o.seq = seq; f.file(o, 1)
    def state(f, r, state): o = r.solo; f.file(o, -1); del f.lists[o.state][r]; o.state = state; f.lists[state][r] = 1; f.file(o, 1)
    def to_solo(f, r, state):
        o = r.solo = Solo(f.pos(r), state); f.del_live(r); f.lists[state][r] = 1; f.n_solo += 1; f.file(o, 1); return o
    def un_solo(f, r): o = r.solo; f.file(o, -1); del f.lists[o.state][r]; f.n_solo -= 1; f.sum_own -= o.own; r.solo = None
    def set_to(f, to):                                      # whoever was waiting for `to` to move has work again
        f.to = to
        for r in list(f.lists[IDLE]) if not bad('idle_forgotten') else []: f.state(r, DUE)
    def add_live(f, r):                                     # into the done part: it stands at `to`
        L, d = f.live, f.done; L.append(r); L[-1], L[d] = L[d], L[-1]; L[-1].idx = len(L) - 1; L[d].idx = d; f.done += 1
    def del_live(f, r):                                     # two swaps
        L, i = f.live, r.idx
        if i < f.done: f.done -= 1; L[i], L[f.done] = L[f.done], L[i]; L[i].idx = i; i = f.done
        L[i], L[-1] = L[-1], L[i]
        if not bad('one_swap'): L[i].idx = i
        L.pop(); r.idx = -1
    def skip_one(f, r, cause): f.dropped[cause] += 1; r.dropped += 1; r.base += 1; f.move(r.solo, r.solo.seq + 1)
    def jump(f, r, to, cause):                              # skip everything before `to`
        f.count['jumps'] += 1; o = r.solo; ahead = 0; since = 0 if bad('slot_reuse') else max(to, o.own_from)
        if o.own: ahead = sum(src == r.slot and s.seq0 + i >= max(to, since) for s in f.segs for i, src in enumerate(s.src))
        n = to - o.seq - (0 if bad('own_counted') else o.own - ahead); f.dropped[cause] += n; r.dropped += n; r.base += to - o.seq
        f.sum_own -= o.own - ahead; o.own = ahead; f.move(o, to)
    def landing(f):                                         # where a jump ends: what is kept for a blocking source is not skipped
        if f.keeping() and not bad('keep_skipped'): return f.first()
        if f.raw: return f.seq                              # a stream with a gap is worth nothing
        near = [s.seq0 for s in f.segs if f.byte - s.byte0 <= f.queue // 2]                  # the newest half (in C: binary search over the ring)
        return near[0] if near else f.segs[-1].seq0 if f.segs else f.seq
    # -- readers come and go
    def join(f, r):
        r.base = r.joined = f.to; f.add_live(r)
        if not bad('join_unrouted'): f.routed += f.seq - f.to
    def leave(f, r):
        if r.solo and r.solo.seq < f.first(): f.jump(r, f.first(), 'full')
        f.lost += f.waiting(r); r.end = f.pos(r); f.un_solo(r) if r.solo else f.del_live(r); f.trim()
    def park(f, r, hold):                                   # the connection of a one-link endpoint ended
        o = r.solo or f.to_solo(r, DUE)
        if o.pieces and o.pieces[0].kind == 'rest' and (f.raw and not bad('raw_again') or o.seq < f.first()):
            f.skip_one(r, 'down')                           # can't be sent again from its start
        o.pieces = o.pieces if bad('rest_survives') else []; f.state(r, DOWN)
        if o.seq < f.first(): f.jump(r, f.first(), 'full')
        if not hold and not bad('hold0_kept'): f.jump(r, f.seq, 'down')
        f.refusing = not hold; f.trim()
    def unpark(f, r):
        f.refusing = False
        if r.solo.seq < f.first(): f.jump(r, f.landing(), 'down')
        f.state(r, DUE); f.trim()
    # -- accounts
    def pos(f, r): return r.solo.seq if r.solo else f.to if r.idx < f.done else f.frm
    def waiting(f, r): return f.seq - f.pos(r) - (r.solo.own if r.solo else 0)
    def total_waiting(f):
        return f.done * (f.seq - f.to) + (len(f.live) - f.done) * (f.seq - f.frm) + f.n_solo * f.seq - f.sum_seq - f.sum_own
    def overdue(f): return f.gone.n * f.first() - f.gone.seq     # of these given up but not yet noticed by their reader (own ones included)
    # -- sending
    def start_pass(f):
        if f.done == len(f.live) and f.to < f.seq:
            f.frm, f.done = f.to, 0; k = f.segs.index(f.seg_at(max(f.to, f.first())))
            f.set_to(f.segs[k + f.iovs].seq0 if k + f.iovs < len(f.segs) else f.seq)
    def chunk(f, k, take):                                  # the next k live readers get the same bytes. Returns links that must be closed
        failed = []
        while k and f.done < len(f.live):
            iov = [f.message(q)[0] for q in range(f.frm, f.to)]; data = b''.join(iov)
            r = f.live[f.done]; n = take(r, data); k -= 1
            if n == len(data): f.done += 1; f.written += f.to - f.frm; continue
            o = f.to_solo(r, WAIT); i = 0
            while n >= len(iov[i]): n -= len(iov[i]); i += 1                                 # in C: binary search in the segment
            f.written += i; f.move(o, o.seq + i)
            if n and not f.keep_rest(r, iov[i], n): failed.append(r)
        f.trim(); return failed
    def keep_rest(f, r, m, n):                              # n bytes of m are written: copy the others. The position stays before m
        if f.nomem():                                       # the link is closed with cause memory. A raw stream never gets m again
            f.count['no memory for a rest'] += 1
            if f.raw: f.skip_one(r, 'memory')
            return False
        f.count['rests copied'] += 1
        if not bad('torn'): r.solo.pieces.insert(0, Piece('rest', 0, m, n))
        if bad('early_step'): f.move(r.solo, r.solo.seq + 1); f.written += 1
        return True
    def serve(f, r, take, quota):                           # a due solo reader. quota: units it may send in this turn. Returns 'close', 'memory' or None
        o = r.solo
        while quota:
            p = o.pieces[0] if o.pieces else None
            begun = p and (p.off or p.kind == 'rest')
            if not begun and o.seq < f.first():
                if f.close and not bad('close_jumps'): return 'close'
                f.jump(r, f.landing(), 'full')
            elif begun or p and (p.stamp <= o.seq or bad('stamp_ignored')):
                quota -= 1; p.off += take(r, p.data[p.off:])
                if p.off < len(p.data): f.state(r, WAIT); break
                o.pieces.remove(p)
                if p.kind == 'rest' and not bad('early_step'): f.move(o, o.seq + 1); f.written += 1
            elif o.seq < (f.seq if bad('past_to') else f.to):
                m, src = f.message(o.seq)
                if o.own and src == r.slot and (o.seq >= o.own_from or bad('slot_reuse')):
                    o.own -= 1; f.sum_own -= 1; r.base += 1; f.move(o, o.seq + 1); continue
                quota -= 1; n = take(r, m)
                if n == len(m): f.move(o, o.seq + 1); f.written += 1; continue
                f.state(r, WAIT)
                if n and not f.keep_rest(r, m, n): return 'memory'
                break
            elif not o.pieces and (not o.own or bad('own_live')) and not r.sticky and o.seq == f.to: f.un_solo(r); f.add_live(r); break
            else: f.state(r, IDLE); break
        f.trim()
    def clear(f, r): return not r.solo and r.idx < f.done and (f.to == f.seq or bad('direct_early'))     # nothing unsent: may be written to directly
    def aside(f, r, kind, data, sent=0):                    # private or control bytes; `sent` of them are written and the socket then refused
        o = r.solo or f.to_solo(r, DUE)
        k = len(o.pieces) if kind == 'private' else 0 if bad('mid_message') else sum(bool(p.off or p.kind != 'private') for p in o.pieces)
        o.pieces.insert(k, Piece(kind, f.seq if kind == 'private' else 0, data, sent))
        if o.state == IDLE: f.state(r, DUE)
    def overrun(f): return [r for r in f.lists[WAIT] if r.solo.seq < f.first()] if f.close and f.gone.n and not bad('close_jumps') else []

class History:                                              # one random history of one feed and its links
    def __init__(h, seed):
        r = h.rnd = random.Random(seed); h.one = r.random() < .3                             # one: a dialler's feed, else a listener's
        cap = r.choice([64, 256, 1024]); queue = r.choice([256, 1024, 8192])
        h.raw = h.one and r.random() < .2
        h.f = Feed(cap, queue, h.raw, close=not h.one and r.random() < .25, iovs=r.choice([2, 3, 16]))
        h.hold = r.random() < .7; h.switched = h.flushed = False; h.blocking = r.random() < .4; h.f.keep_to = INF if h.blocking else 0
        h.links, h.dead, h.slots, h.gid, h.log, h.srcs, h.safe, h.never, h.fed, h.batch = [], [], [], 0, {}, {}, set(), set(), [], 0
        h.f.nomem = (lambda: r.random() < .1) if r.random() < .2 else lambda: False
        for _ in range(1 if h.one else r.randint(1, 6)): h.up()
    def up(h):
        slot = h.slots.pop() if h.slots else len(h.links) + len(h.dead) + 1                  # slots are used again
        l = Reader(slot, h.rnd.random() < .1); l.speed = h.rnd.choice([0, 0, 3, 50, INF, INF, INF]); l.full = False; l.units = []; l.spoke = l.n_data = l.seen = 0
        h.f.join(l); h.links.append(l)
    def down(h, l):
        if h.one:
            if not h.hold: h.never |= set(h.fed) - set(l.units) - {g for _, g in l.sink.units}
            if h.raw and len(l.sink.buf) >= 9: h.never.add(struct.unpack('>I', l.sink.buf[5:9])[0])    # the begun message
            h.f.count['parked'] += 1; return h.f.park(l, h.hold)
        h.links.remove(l); h.dead.append(l); h.f.leave(l); h.slots.append(l.slot)
    def take(h, l, data):                                   # the socket: takes as many bytes as the link's speed allows
        n = len(data) if l.speed == INF else min(len(data), h.rnd.randint(0, l.speed))
        if n < len(data): l.full = True
        l.sink.take(data[:n]); return n
    def feed(h):
        f, r = h.f, h.rnd; src = None if h.one or r.random() < .5 else r.choice(h.links[-r.choice([2, 99]):]); waits = h.blocking and r.random() < .6; run = []; batch = 0
        for _ in range(r.randint(1, 5)):
            n = r.randint(1, 40) if r.random() < .9 else r.randint(40, f.queue // 2 - 17); kept = f.keep_to
            room = f.room(waits, n + 17, sum(len(m) + 8 for m in run))
            if not room and not waits and f.keeping(): f.refuse(1, src, 'full')    # the door of a KEEP feed
            if not room: continue
            h.gid += 1; run.append(unit(b'D', h.gid, n)); h.srcs[h.gid] = src; h.log[h.gid] = len(h.log)
            if not f.refusing: h.fed.append(h.gid); h.safe |= {h.gid} if kept == INF else set()
            batch += n + 17
        h.batch = max(h.batch, batch)
        if run: f.append(run, src)
        if src and not f.refusing: src.spoke += len(run)
    def private(h, l):
        f, r = h.f, h.rnd; control = r.random() < .5
        if l.solo and (l.solo.state == DOWN or sum(len(p.data) for p in l.solo.pieces) > 500): return
        if control: data = b'B' if r.random() < .5 else b'BBB'
        else: h.gid += 1; data = unit(b'P', h.gid, r.randint(1, 20)); h.srcs[h.gid] = 0; h.log[h.gid] = len(h.log)
        if f.clear(l):                                      # direct; solo only if the socket refuses
            n = h.take(l, data)
            f.count['direct'] += 1
            if n < len(data): f.aside(l, 'control' if control else 'private', data, n); f.state(l, WAIT)
        else: f.aside(l, 'control' if control else 'private', data)
    def flush(h, all=False, ready=True):
        f, r = h.f, h.rnd; f.start_pass()
        for l in list(f.lists[WAIT]):
            if ready and (all or l.speed and r.random() < .7): f.state(l, DUE)               # EPOLLOUT
        for l in list(f.lists[DUE])[:100 if all else r.choice([2, 100])]:
            why = f.serve(l, h.take, INF if all else r.choice([1, 5, INF]))
            if why: h.down(l)
        for l in f.chunk(INF if all else r.choice([1, 3, 100]), h.take): h.down(l)
        for l in f.overrun(): f.count['closed as overrun'] += 1; h.down(l)                   # CLOSE: at the end of a flush
    def settle(h):                                          # the loop catches up, stuck sockets stay stuck: a shut feed must open
        for _ in range(len(h.f.segs) + 2): h.flush(all=True, ready=False)
        assert h.f.keeping() or h.f.used <= h.f.queue, 'still shut'; assert not h.f.lists[DUE] and h.f.to == h.f.seq, 'still due'
    def step(h):
        f, r = h.f, h.rnd; a = r.random(); l = r.choice(h.links) if h.links else None
        if not l: return h.up()
        isdown = l.solo and l.solo.state == DOWN
        if a < .05 and not h.one: h.up()
        elif a < .10 and h.one and isdown: l.sink.buf = bytearray(); f.unpark(l)             # a new connection
        elif a < .08 and not isdown: h.down(l); h.one or r.random() < .5 or h.up()           # often another link takes the slot at once
        elif a < .44: h.feed()
        elif a < .52: h.private(l)
        elif a < .58: l.speed = r.choice([0, 3, 50, INF, INF])
        elif a < .59 and h.blocking: h.blocking = False; f.keep_to = 0 if bad('keep_ends_early') else f.seq     # the last blocking source ended
        elif a < .595: h.blocking = h.switched = True; f.keep_to = INF                      # one comes
        elif a < .61: h.settle(); h.flushed = True
        else: h.flush(); h.flushed = True
    def check(h):
        f = h.f; t = {id(s): Tally() for s in f.segs}; t[id(f.gone)], t[id(f.ahead)] = Tally(), Tally()
        assert 0 <= f.done <= len(f.live) and f.frm <= f.to <= f.seq and (f.live or f.to >= f.first()), 'from, to'
        assert not f.segs or any(f.pos(l) < f.seq for l in h.links), 'a segment is kept for nobody'
        for i, l in enumerate(f.live): assert l.idx == i and not l.solo, 'live index'
        assert f.readers() == len(h.links) and f.n_solo == sum(map(len, f.lists.values()))
        for l in h.links:
            assert (l.solo is None) == (0 <= l.idx < len(f.live) and f.live[l.idx] is l), 'live xor solo'
            if not l.solo: assert f.pos(l) >= f.first(), 'a live reader lost its place'; continue
            o = l.solo; assert l in f.lists[o.state]; gone = o.seq < f.first(); l.full |= o.state == DOWN
            u = t[id(f.gone if gone else f.ahead if o.seq == f.seq else f.seg_at(o.seq))]; u.n += 1; u.seq += o.seq; u.due += o.state in (DUE, IDLE)
            assert l.full or not gone, 'a link whose socket never refused was overrun'
            assert o.state not in (DUE, IDLE) or o.seq <= f.to or l.full, 'solo ahead of to'
            assert o.own == sum(h.srcs[g] is l for g in h.fed[o.seq:]), 'own messages ahead'
            assert not (f.close and h.flushed and gone and o.state == WAIT), 'CLOSE left an overrun link'
        h.flushed = False
        for s, u in [(s.t, t[id(s)]) for s in f.segs] + [(f.gone, t[id(f.gone)]), (f.ahead, t[id(f.ahead)])]:
            assert (s.n, s.due, s.seq) == (u.n, u.due, u.seq), 'tally'
        assert f.used == sum(len(s.data) + 8 * len(s.end) for s in f.segs) and f.used <= f.queue + (0 if f.keep_to == INF and not h.switched else h.batch), 'bound'
        done = 0
        for l in h.links + h.dead:
            for kind, g in l.sink.units:                    # order over feed and private messages; nothing twice; nothing of its own
                if kind == 'B': continue
                assert not l.units or h.log[g] > h.log[l.units[-1]], 'order'
                assert h.srcs[g] is not l, 'own message came back'; assert g not in h.never, 'sent although forgotten'; l.units.append(g)
            l.sink.units = []; l.n_data += sum(h.srcs[g] != 0 for g in l.units[l.seen:]); l.seen = len(l.units); w = l.n_data; done += w
            end = f.pos(l) if l in h.links else l.end
            assert end - l.base == w, 'position says %d written, the peer got %d' % (end - l.base, w)
            if l in h.links: assert f.seq - l.joined == w + l.dropped + l.spoke + f.waiting(l), 'conservation of a link'
            assert l.full or not l.dropped, 'a link whose socket never refused lost messages'
        wait = sum(map(f.waiting, h.links))
        assert wait == f.total_waiting() and done == f.written and f.overdue() <= wait + f.sum_own, 'totals'
        assert f.routed == f.written + sum(f.dropped.values()) + f.lost + wait, 'conservation of the feed'
    def drain(h):                                           # everybody reads, nobody feeds: all is delivered, all memory goes
        f = h.f; f.nomem = lambda: False
        for l in list(h.links):
            l.speed = INF
            if l.solo and l.solo.state == DOWN: l.sink.buf = bytearray(); f.unpark(l)
        for _ in range(4 * len(h.fed) + 20): h.flush(all=True)
        h.check()
        for l in h.links:
            assert f.waiting(l) == 0 and not l.sink.buf and (l.sticky or not l.solo), 'not drained'
            want = [g for g in h.fed[l.joined:] if h.srcs[g] is not l]; missing = set(want) - set(l.units); assert len(missing) == l.dropped
            if not f.dropped['down'] + f.dropped['memory']: assert not missing & h.safe, 'KEEP lost a message'
        assert f.used == 0 and not f.segs, 'an idle feed owns nothing'

def run(seed):
    h = History(seed)
    for _ in range(h.rnd.randint(50, 400)): h.step(); h.check()
    h.drain(); f = h.f
    return Counter(messages=f.seq, routed=f.routed, written=f.written, lost=f.lost, **{'dropped ' + k: v for k, v in f.dropped.items()}) + f.count

def main(argv):
    global mutant
    if argv[:1] == ['--mutants']:
        alive = 0
        for mutant in MUTANTS:
            for seed in range(int(argv[1]) if argv[1:] else 600):
                try: run(seed)
                except Exception as e: print('%-20s caught by seed %d: %s' % (mutant, seed, str(e) or repr(e))); break
            else: alive += 1; print('%-20s NOT CAUGHT' % mutant)
        return print(len(MUTANTS) - alive, 'of', len(MUTANTS), 'mutants caught') or alive
    total, first = Counter(), int(argv[1]) if argv[1:] else 0
    for seed in range(first, first + int(argv[0])):
        try: total += run(seed)
        except Exception: print('seed', seed); raise
    print('seeds %s from %d: %s; all checks held' % (argv[0], first, ', '.join('%s %d' % kv for kv in total.items())))

if __name__ == '__main__': sys.exit(main(sys.argv[1:]) if sys.argv[1:] else print(__doc__))
