"""A tree on disk whose entries have any name and depth: works on descriptors, as no path may fit into PATH_MAX."""

import contextlib
import ctypes
import errno
import os
import stat

from model import Model

TERABYTE = 1 << 40
# What an operation comes to whose place has changed since it was chosen, or that this file system refuses.
PASSED_OVER = {
    errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.EINVAL, errno.ELOOP, errno.EMLINK,
    errno.EFBIG, errno.EPERM, errno.EOVERFLOW, errno.ENAMETOOLONG,
}
RENAME_EXCHANGE = 2
renameat2 = ctypes.CDLL(None, use_errno=True).renameat2


class Tree:
    """Paths are tuples of names; the root's is empty. The model is told all that happens."""

    def __init__(self, root, random, model=None):
        self.root = root
        self.random = random
        self.model = model or Model()
        # The entry of which the hard link is that is being made.
        self.link_to = None

    @contextlib.contextmanager
    def directory(self, path):
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in path:
                below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
                os.close(fd)
                fd = below
            yield fd
        finally:
            os.close(fd)

    def paths(self):
        """Every path with whether it is a directory's, sorted; the root's first."""
        found = [((), True)]

        def walk(fd, path):
            for name in os.listdir(fd):
                name = os.fsencode(name)
                is_directory = stat.S_ISDIR(os.lstat(name, dir_fd=fd).st_mode)
                found.append((path + (name,), is_directory))
                if is_directory:
                    below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
                    walk(below, path + (name,))
                    os.close(below)

        with self.directory(()) as fd:
            walk(fd, ())
        return sorted(found)

    def attempt(self, operation):
        """False where the place is not what it was any more."""
        try:
            operation()
        except OSError as error:
            if error.errno not in PASSED_OVER:
                raise
            return False
        return True

    # Making

    def add(self, parent, name, others):
        """An entry of any kind but a directory; `others` are paths that a link may lead to."""
        make = self.random.choices(
            [self.file, self.sparse, self.symlink, self.hard_link, self.fifo, self.socket, self.device],
            [60, 5, 15, 8, 4, 4, 2])[0]
        with self.making(parent + (name,)) as fd:
            make(fd, name, others, parent)
            if self.random.random() < 0.2:
                self.restamp(fd, name)

    @contextlib.contextmanager
    def making(self, path):
        """The directory in which a name is made that is not there yet, or is left as it is. It may be there after an error."""
        self.link_to = None
        with self.directory(path[:-1]) as fd:
            try:
                yield fd
            finally:
                if self.model.find(path) is None and exists(fd, path[-1]):
                    self.model.made(path, link_to=self.link_to)

    def file(self, fd, name, others=None, parent=None):
        mode = self.random.choice([0o644, 0o600, 0o755, 0o000, 0o4755, 0o666])
        file = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode, dir_fd=fd)
        os.write(file, self.random.randbytes(self.random.randrange(60)))
        os.close(file)

    def sparse(self, fd, name, others=None, parent=None):
        file = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=fd)
        try:
            os.ftruncate(file, self.random.randrange(TERABYTE, 15 * TERABYTE))
        finally:
            os.close(file)

    def symlink(self, fd, name, others, parent):
        """To anything; as often as not to what is in the tree."""
        inside = b"/".join(self.random.choice(others))
        there = (b"../" * len(parent) + inside)[:4000] or b"."
        os.symlink(
            self.random.choice([there, there, there, os.fsencode(self.root) + b"/" + inside[:3000], inside[:4000] or b"."])
            if self.random.random() < 0.5 else
            self.random.choice([
                b"nothing", name, b".", b"..", b"../..", b"/etc", b"/etc/passwd", b"/", b"/proc/self/root",
                b"../" * 40 + b"etc", b"x" * 4000, b"\xff\n\x1b[2J",
            ]), name, dir_fd=fd)

    def hard_link(self, fd, name, others, parent=None):
        target = self.random.choice(others)
        if target:
            with self.directory(target[:-1]) as source:
                os.link(target[-1], name, src_dir_fd=source, dst_dir_fd=fd, follow_symlinks=False)
                self.link_to = self.model.find(target)

    def fifo(self, fd, name, others=None, parent=None):
        os.mkfifo(name, 0o600, dir_fd=fd)

    def socket(self, fd, name, others=None, parent=None):
        os.mknod(name, stat.S_IFSOCK | 0o600, dir_fd=fd)

    def device(self, fd, name, others=None, parent=None):
        """Only root may make one, and not everywhere."""
        kind = self.random.choice([stat.S_IFBLK, stat.S_IFCHR])
        os.mknod(name, kind | 0o600, os.makedev(self.random.randrange(4096), self.random.randrange(1 << 20)), dir_fd=fd)

    def make_directory(self, path):
        mode = self.random.choice([0o755, 0o700, 0o1777, 0o2755])
        with self.directory(path[:-1]) as fd:
            os.mkdir(path[-1], mode, dir_fd=fd)
        self.model.made(path, is_directory=True)

    def chain(self, parent, levels, name):
        """Directories within one another, with a file every hundred levels and in the last."""
        with self.directory(parent) as fd:
            fd = os.dup(fd)
        for level in range(levels):
            os.mkdir(name, 0o755, dir_fd=fd)
            parent += (name,)
            self.model.made(parent, is_directory=True)
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = below
            if level % 100 == 99 or level == levels - 1:
                self.file(fd, b"on level %d" % level)
                self.model.made(parent + (b"on level %d" % level,))
        os.close(fd)

    # Changing

    def restamp(self, fd, name):
        """Any time that 64 bits of nanoseconds hold and ext4 does; others are cut by the file system."""
        time = self.random.choice([
            -1, 0, 1, 999_999_999, -(1 << 31) * 10**9, (1 << 63) - 1, (1 << 31) * 10**9, (1 << 32) * 10**9 + 1,
            self.random.randrange(-(2**60), 2**62)])
        os.utime(name, ns=(0, time), dir_fd=fd, follow_symlinks=False)

    def remove(self, path):
        with self.directory(path[:-1]) as fd:
            remove(fd, path[-1])
        self.model.removed(path)

    def rename(self, source, target):
        with self.directory(source[:-1]) as old, self.directory(target[:-1]) as new:
            if exists(new, target[-1]) and identity(old, source[-1]) == identity(new, target[-1]):
                # Two hard links of one file both stay.
                return
            os.rename(source[-1], target[-1], src_dir_fd=old, dst_dir_fd=new)
        self.model.renamed(source, target)

    def exchange(self, one, other):
        with self.directory(one[:-1]) as old, self.directory(other[:-1]) as new:
            if identity(old, one[-1]) == identity(new, other[-1]):
                return
            if renameat2(old, one[-1], new, other[-1], RENAME_EXCHANGE) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self.model.exchanged(one, other)

    def take_away(self, path, attic, number):
        with self.directory(path[:-1]) as fd:
            os.rename(path[-1], f"{attic}/{number}", src_dir_fd=fd)
        self.model.taken_away(path, number)

    def bring_back(self, attic, number, path):
        """To where there is nothing."""
        with self.directory(path[:-1]) as fd:
            if not exists(fd, path[-1]):
                os.rename(f"{attic}/{number}", path[-1], dst_dir_fd=fd)
                self.model.brought_back(number, path)


def exists(fd, name):
    try:
        os.lstat(name, dir_fd=fd)
    except OSError:
        return False
    return True


def identity(fd, name):
    status = os.lstat(name, dir_fd=fd)
    return status.st_dev, status.st_ino


def remove(fd, name):
    """A file, or a directory with all below it."""
    if stat.S_ISDIR(os.lstat(name, dir_fd=fd).st_mode):
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
        for entry in os.listdir(below):
            remove(below, os.fsencode(entry))
        os.close(below)
        os.rmdir(name, dir_fd=fd)
    else:
        os.unlink(name, dir_fd=fd)
