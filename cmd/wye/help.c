/* SPDX-License-Identifier: MIT */
/* What --help says. Short enough to be read whole; the examples work as they stand. */
#include "help.h"
#include "options.h"

static const char what[] =
	"Usage: wye [OPTION...] ENDPOINT [ENDPOINT...]\n"
	"Joins TCP, UDP, Unix sockets and standard input and output: what arrives at one endpoint "
	"goes\n"
	"to all the others, line by line or byte by byte, and never back to where it came from.\n"
	"Each endpoint is a URL. Ctrl-C ends.\n"
	"\n"
	"Examples:\n"
	"  wye --demo                                 try it: one of each kind, and how to talk to "
	"it\n"
	"  wye tcp-listen://:7000 -                   talk to all who connect (nc 127.0.0.1 7000)\n"
	"  wye - tcp://127.0.0.1:7000                 the other side: connects, and again when it "
	"breaks\n"
	"  tail -f app.log | wye - tcp-listen://:7000    everyone who connects follows the log\n"
	"  wye udp-listen://:7001 unix-listen:///tmp/a.sock   from UDP to a Unix socket and back\n"
	"  wye tcp-listen://:7000,frame=raw,once -,frame=raw >copy     a file, byte for byte: "
	"first this,\n"
	"  wye -,frame=raw tcp://127.0.0.1:7000,frame=raw <file        then this in another "
	"terminal\n";

static const char endpoints[] =
	"\n"
	"Endpoints (no host means this machine only; 'any' means everybody):\n"
	"  tcp-listen://[host]:port   TCP server          tcp://host:port   TCP client, "
	"reconnects\n"
	"  unix-listen://path         Unix server         unix://path       Unix client, "
	"reconnects\n"
	"  udp-listen://[host]:port   UDP, answers peers  udp://host:port   UDP client\n"
	"  -                          standard input and output\n"
	"\n"
	"Keys follow with commas: tcp://host:7000,frame=raw,retry=1s..10s#name (in brackets: the "
	"default)\n"
	"  dir=both|in|out      in: only from it; out: only to it (both)\n"
	"  frame=line|raw|len32 a message is a line; what one read returns; 4 bytes length first "
	"(line)\n"
	"  eol=keep|strip|crlf  line ends: as they are; taken off; always \\r\\n (keep)\n"
	"  max-message=SIZE     longest message (65507)\n"
	"  retry=MIN..MAX|off   wait before connecting again (100ms..30s)\n"
	"  timeout=DURATION     for one attempt to connect (10s)\n"
	"  queue=SIZE           what may wait for slow readers (1m)\n"
	"  full=auto|drop|block|close    then: auto waits when the source can wait and the sink is "
	"one that\n"
	"                       you named, else drops the oldest; or always drop, wait, or close "
	"(auto)\n"
	"  stall=DURATION       close a reader that makes all wait that long (off; 30s with "
	"full=block)\n"
	"  hold=1|0             0: forget what waits while the connection is down (1)\n"
	"  unsent=SIZE          what the kernel may hold for one TCP reader (64k)\n"
	"  max=COUNT            most links at once (as files allow; udp-listen 1024)\n"
	"  idle=DURATION        close a link after that long without a word (off; udp-listen 60s)\n"
	"  once                 a server that takes one link and ends with it\n"
	"  Sizes: 64k 1m 2g. Durations: 10us 500ms 5s 1m 1h. In paths write , ? # % as %2C %3F %23 "
	"%25.\n"
	"\n"
	"Options:\n";

static const char after[] =
	"\n"
	"It ends by itself when everything that can end has ended: -, a server with once, a client "
	"with\n"
	"retry=off. Signals: TERM, INT, HUP write out what waits (5s at most) and end, a second "
	"one at\n"
	"once; USR1 prints statistics.\n"
	"Exit: 0 all is well; 1 it failed while running, and what was not written is named; 2 the "
	"command\n"
	"line is wrong, nothing was opened; 4 an endpoint could not be opened.\n";

void help_short(FILE *out)
{
	fputs(what, out);
	fputs("\nwye --help shows all endpoints, keys and options.\n", out);
}

void help_full(FILE *out)
{
	fputs(what, out);
	fputs(endpoints, out);
	options_print(out);
	fputs(after, out);
}
