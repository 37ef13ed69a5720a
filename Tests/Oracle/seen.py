"""seen.py ROOT [USER]: what may be seen of the tree at a root, by whoever runs this or by the user of a number. A line for
each entry, `directory` or `file` and its path in hexadecimal; `openat` for a directory that may not be listed, `statx` for what
may not be looked at; and `closed` for a directory whose entries are beyond reach, be they listed or not."""

import os
import resource
import stat
import sys


def walk(fd, path):
    try:
        os.lstat(b".", dir_fd=fd)
    except PermissionError:
        print("closed", path.hex())
    for name in map(os.fsencode, os.listdir(fd)):
        below = path + b"/" + name if path else name
        try:
            is_directory = stat.S_ISDIR(os.lstat(name, dir_fd=fd).st_mode)
        except PermissionError:
            print("statx", below.hex())
            continue
        print("directory" if is_directory else "file", below.hex())
        if is_directory:
            enter(fd, name, below)


def enter(fd, name, path):
    try:
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
    except PermissionError:
        print("openat", path.hex())
        print("closed", path.hex())
        return
    walk(below, path)
    os.close(below)


sys.setrecursionlimit(10_000)
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
if len(sys.argv) > 2:
    os.setgroups([])
    os.setresgid(*[int(sys.argv[2])] * 3)
    os.setresuid(*[int(sys.argv[2])] * 3)
root = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
print("directory", "")
walk(root, b"")
