"""exchange.py PATH PATH [PATH PATH]...: exchanges the two of each pair with renameat2(RENAME_EXCHANGE), as fast as it can,
until it is killed."""

import ctypes
import os
import sys

AT_FDCWD, RENAME_EXCHANGE = -100, 2
renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
pairs = [tuple(map(os.fsencode, pair)) for pair in zip(sys.argv[1::2], sys.argv[2::2])]
print("exchanging", flush=True)
while True:
    for one, other in pairs:
        if renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
