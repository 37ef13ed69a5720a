"""A small FUSE file system that speaks the kernel's protocol itself: fuse.py MOUNTPOINT FIRST_INODE [PREFIX]

Ten directories of thirty files each, whose inode numbers begin at FIRST_INODE and whose names begin with PREFIX. It says "mounted" when it is, and
serves until it is killed. After SIGUSR1 it dies when directory 5 is listed: what stays is a mount whose every call
ends in ENOTCONN.
"""
import ctypes, errno, os, signal, stat, struct, sys

LOOKUP, FORGET, GETATTR, STATFS, INIT, OPENDIR, READDIR, RELEASEDIR, INTERRUPT, DESTROY, BATCH_FORGET = (
    1, 2, 3, 17, 26, 27, 28, 29, 36, 38, 42)
SILENT = (FORGET, INTERRUPT, BATCH_FORGET)
ROOT = 1

mountpoint, first_inode = sys.argv[1], int(sys.argv[2])
prefix = sys.argv[3] if len(sys.argv) > 3 else ""
nodes = {ROOT: ("", ROOT, [])}  # by number: name, parent, children or None
for place in range(10):
    number = len(nodes) + 1
    nodes[number] = ("%s%d" % (prefix, place), ROOT, [])
    nodes[ROOT][2].append(number)
    for file in range(30):
        nodes[len(nodes) + 1] = ("file %d" % file, number, None)
        nodes[number][2].append(len(nodes))

fatal = None


def arm(*_):
    global fatal
    fatal = nodes[ROOT][2][5]


def inode(number):
    return ROOT if number == ROOT else first_inode + number


def attributes(number):
    is_directory = nodes[number][2] is not None
    mode = stat.S_IFDIR | 0o755 if is_directory else stat.S_IFREG | 0o644
    second = 1_500_000_000 + number
    return struct.pack("<6Q10I", inode(number), 0 if is_directory else number, 0, second, second, second, 0, 0, 0,
                       mode, 2 if is_directory else 1, 0, 0, 0, 4096, 0)


def listing(number, offset, size):
    entries = [(".", number), ("..", nodes[number][1])] + [(nodes[child][0], child) for child in nodes[number][2]]
    out = b""
    for place, (name, child) in list(enumerate(entries))[offset:]:
        kind = stat.S_IFREG if nodes[child][2] is None else stat.S_IFDIR
        entry = struct.pack("<QQII", inode(child), place + 1, len(name), kind >> 12) + name.encode()
        entry += b"\0" * (-len(entry) % 8)
        if len(out) + len(entry) > size:
            break
        out += entry
    return out


def answer(opcode, number, body):
    """The reply's body, or an errno. Nothing is remembered by the kernel: every look comes here."""
    if opcode == INIT:
        return struct.pack("<IIIIHHIIHHI7I", 7, 31, 0, 0, 0, 0, 4096, 1, 0, 0, 0, *[0] * 7)
    if opcode == GETATTR:
        return struct.pack("<QII", 0, 0, 0) + attributes(number)
    if opcode == LOOKUP:
        name = body.rstrip(b"\0").decode()
        found = [child for child in nodes[number][2] or [] if nodes[child][0] == name]
        return struct.pack("<QQQQII", found[0], 0, 0, 0, 0, 0) + attributes(found[0]) if found else errno.ENOENT
    if opcode == OPENDIR:
        return struct.pack("<QII", 0, 0, 0)
    if opcode == READDIR:
        if number == fatal:
            os._exit(1)
        _, offset, size = struct.unpack_from("<QQI", body)
        return listing(number, offset, size)
    if opcode == STATFS:
        return struct.pack("<5Q4I6I", *[0] * 5, 4096, 255, 4096, 0, *[0] * 6)
    return b"" if opcode in (RELEASEDIR, DESTROY) else errno.ENOSYS


signal.signal(signal.SIGUSR1, arm)
device = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % device
if libc.mount(b"rollcall-test", mountpoint.encode(), b"fuse", 0, options.encode()) != 0:
    sys.exit("cannot mount: %s" % os.strerror(ctypes.get_errno()))
print("mounted", flush=True)
while True:
    try:
        request = os.read(device, 1 << 20)
    except OSError as error:
        if error.errno == errno.ENODEV:  # unmounted
            break
        raise
    _, opcode, unique, number = struct.unpack_from("<IIQQ", request)
    if opcode in SILENT:
        continue
    reply = answer(opcode, number, request[40:])
    body, error = (b"", reply) if isinstance(reply, int) else (reply, 0)
    os.write(device, struct.pack("<IiQ", 16 + len(body), -error, unique) + body)
