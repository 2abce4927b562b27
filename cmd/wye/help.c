/* SPDX-License-Identifier: MIT */
/* What --help says. Short enough to be read whole; the examples work as they stand. */
#include "help.h"
#include "options.h"

static const char what[] =
	"Usage: wye [OPTION...] ENDPOINT [ENDPOINT...]\n"
	"Joins TCP, UDP, Unix sockets, standard input and output. What arrives at one endpoint\n"
	"goes to all the others, by the line or by the byte, and never back to its sender.\n"
	"Each endpoint is a URL, or - for standard input and output. Ctrl-C ends.\n"
	"\n"
	"Examples:\n"
	"  wye --demo\n"
	"      Try it: one endpoint of each kind, and how to talk to it.\n"
	"  wye tcp-listen://:7000 -\n"
	"      Talk with everyone who connects; they hear each other too. (nc 127.0.0.1 7000)\n"
	"  wye - tcp://127.0.0.1:7000\n"
	"      The other side: connects, and connects again whenever that breaks.\n"
	"  tail -f app.log | wye - tcp-listen://:7000\n"
	"      Everyone who connects follows the log.\n"
	"  wye udp-listen://:7001 unix-listen:///tmp/a.sock\n"
	"      From UDP to a Unix socket, and back. (nc -u 127.0.0.1 7001; nc -U /tmp/a.sock)\n"
	"  wye tcp-listen://:7000,frame=raw,once -,frame=raw,dir=out >copy\n"
	"  wye -,frame=raw tcp://127.0.0.1:7000,frame=raw <file\n"
	"      In two terminals: a file, byte for byte. Both end by themselves.\n";

static const char endpoints[] =
	"\n"
	"Endpoints (without a host: this machine only; with any: everybody, IPv4 and IPv6):\n"
	"  tcp-listen://[host]:port   TCP server\n"
	"  tcp://host:port            TCP client, reconnects\n"
	"  unix-listen://path         Unix socket, server\n"
	"  unix://path                Unix socket, client, reconnects\n"
	"  udp-listen://[host]:port   UDP server, answers everyone it has heard\n"
	"  udp://host:port            UDP client\n"
	"  -                          standard input and output\n"
	"\n"
	"Keys follow the endpoint, as in tcp://host:7000,frame=raw,retry=1s..10s#name\n"
	"(in brackets what holds without the key):\n"
	"  dir=both|in|out       in: only from it; out: only to it (both)\n"
	"  frame=line|raw|len32  a message is: a line; what one read returns; 4 bytes of length "
	"and\n"
	"                        that many bytes. UDP: a datagram, with or without line ends "
	"(line)\n"
	"  eol=keep|strip|crlf   line ends: left as they are; taken off; always \\r\\n (keep)\n"
	"  max-message=SIZE      longest message (65507)\n"
	"  retry=MIN..MAX|off    how long to wait before connecting again (100ms..30s)\n"
	"  timeout=DURATION      for one attempt to connect (10s)\n"
	"  queue=SIZE            how much may wait for slow readers (1m)\n"
	"  full=HOW              when it is full: drop the oldest, block the source, or close the\n"
	"                        slow reader; auto blocks where a source that will end, such as a\n"
	"                        file, meets a single reader that you named, else drops (auto)\n"
	"  stall=DURATION        close a reader that blocks its sources that long (off; 30s with\n"
	"                        full=block)\n"
	"  hold=1|0              0: forget what waits while the connection is down (1)\n"
	"  unsent=SIZE           how much of it the kernel may hold for one TCP reader (64k)\n"
	"  max=COUNT             most links at once (what the fd limit allows; udp-listen: 1024)\n"
	"  idle=DURATION         close a link that was silent that long (off; udp-listen: 60s)\n"
	"  once                  a server that takes one link and ends with it\n"
	"Sizes: 512 64k 1m 2g. Durations: 10us 500ms 5s 1m 1h. #name: how logs call it.\n"
	"In a path write %2C for a comma, %3F for ?, %23 for #, %25 for %.\n"
	"\n"
	"Options:\n";

static const char after[] =
	"\n"
	"It ends by itself when all that can end has ended: standard input (not /dev/null), a\n"
	"server with once, a client with retry=off. TERM, INT and HUP write out what waits, for\n"
	"5 s at most, and end; a second one ends at once. USR1 prints statistics on stderr.\n"
	"Exit status: 0 all is well; 1 it failed while running, and what was not written is "
	"named;\n"
	"2 the command line is wrong, nothing was opened; 4 an endpoint could not be opened.\n";

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
