# SPDX-License-Identifier: MIT
"""gen.py BYTES: that many random bytes on standard output, their sha256 on standard error. Needs 1 MiB of memory."""
import hashlib
import os
import sys

left = int(sys.argv[1])
block = bytearray(os.urandom(1 << 20))
digest = hashlib.sha256()
number = 0
with os.fdopen(1, "wb", 0) as out:
    while left:
        block[:8] = number.to_bytes(8, "little")  # no two blocks alike: a lost or doubled one is seen
        number += 1
        piece = memoryview(block)[:min(left, len(block))]
        digest.update(piece)
        done = 0
        while done < len(piece):
            done += out.write(piece[done:])
        left -= len(piece)
print(digest.hexdigest(), file=sys.stderr)
