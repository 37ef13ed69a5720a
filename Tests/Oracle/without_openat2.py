"""without_openat2.py PROGRAM ARGUMENT...: turns into the program, for which openat2(2) fails as on a kernel that lacks it."""

import ctypes
import errno
import os
import struct
import sys

# The same number on every architecture.
OPENAT2 = 437
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO = 0x7FFF0000, 0x00050000
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06

libc = ctypes.CDLL(None, use_errno=True)
# struct sock_filter: the operation, where to go if it holds and if not, its operand. The number is the data's first word.
steps = b"".join(struct.pack("HBBI", *step) for step in [
    (LOAD_WORD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, OPENAT2), (RETURN, 0, 0, SECCOMP_RET_ERRNO | errno.ENOSYS), (RETURN, 0, 0, SECCOMP_RET_ALLOW)])
held = ctypes.create_string_buffer(steps)
program = struct.pack("HxxxxxxP", len(steps) // 8, ctypes.addressof(held))
for call in [(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)]:
    if libc.prctl(*call) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
if libc.syscall(OPENAT2, -1, None, None, 0) != -1 or ctypes.get_errno() != errno.ENOSYS:
    raise SystemExit("openat2 is still there")
os.execvp(sys.argv[1], sys.argv[1:])
