"""What happens to a tree between two scans, by chance."""

import os
import stat

import names


GIANT = (b"giant",)


class Mutations:
    def __init__(self, tree, attic):
        self.tree = tree
        self.random = tree.random
        # What was taken away and may come back, as <number>; in <number>.path the path that it had.
        self.attic = attic
        paths = tree.paths()
        # Files come to a giant directory and go from it; it stays where it is, or all of them would come and go.
        self.paths = [path for path, _ in paths if path != GIANT]
        self.directories = [path for path, is_directory in paths if is_directory]
        self.files = [path for path, is_directory in paths if not is_directory]

    def run(self, count):
        """Some of them at most: what finds its place changed does nothing."""
        kinds = [
            (12, self.add), (8, self.edit), (8, self.edit_and_restore), (6, self.touch), (6, self.chmod), (10, self.rename),
            (8, self.move), (6, self.exchange), (12, self.delete), (6, self.replace), (4, self.anew), (5, self.take_away),
            (6, self.bring_back), (3, self.hard_link), (3, self.replace_by_link), (4, self.grow), (5, self.rename_directory),
            (5, self.move_directory), (4, self.rotate), (4, self.exchange_directories), (4, self.move_into_renamed),
            (4, self.move_under_new),
        ]
        weights = [weight for weight, _ in kinds]
        for _ in range(count):
            self.tree.attempt(self.random.choices([operation for _, operation in kinds], weights)[0])

    # Choosing

    def any(self):
        """Any path but the root's."""
        return self.random.choice(self.paths[1:] or [(b"nothing",)])

    def directory(self):
        return self.random.choice(self.directories)

    def some_file(self):
        return self.random.choice(self.files or [(b"nothing",)])

    # Changing

    def add(self):
        self.tree.add(self.directory(), names.some(self.random), self.paths)

    def grow(self):
        """A directory with something in it."""
        path = self.directory() + (names.some(self.random),)
        self.tree.make_directory(path)
        for _ in range(self.random.randrange(8)):
            self.tree.attempt(lambda: self.tree.add(path, names.some(self.random), self.paths))

    def opened(self, path):
        """A regular file's descriptor: a FIFO would wait for its reader, a device would do anything."""
        with self.tree.directory(path[:-1]) as fd:
            if not stat.S_ISREG(os.lstat(path[-1], dir_fd=fd).st_mode):
                raise FileNotFoundError(2, "no regular file")
            return os.open(path[-1], os.O_RDWR | os.O_NOFOLLOW, dir_fd=fd)

    def edit(self):
        file = self.opened(self.some_file())
        os.pwrite(file, self.random.randbytes(self.random.randint(1, 9)), self.random.randrange(40))
        os.close(file)

    def edit_and_restore(self):
        """Same size, same mtime, other content: only the ctime tells."""
        file = self.opened(self.some_file())
        before = os.fstat(file)
        if before.st_size > 0:
            os.pwrite(file, self.random.randbytes(1), self.random.randrange(min(before.st_size, 40)))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        os.close(file)

    def touch(self):
        path = self.any()
        with self.tree.directory(path[:-1]) as fd:
            self.tree.restamp(fd, path[-1])

    def chmod(self):
        path = self.any()
        with self.tree.directory(path[:-1]) as fd:
            mode = os.lstat(path[-1], dir_fd=fd).st_mode
            if not stat.S_ISLNK(mode):
                allowed = 0o700 if stat.S_ISDIR(mode) else 0
                os.chmod(path[-1], allowed | self.random.randrange(0o1000), dir_fd=fd)

    def rename(self):
        path = self.any()
        self.tree.rename(path, path[:-1] + (names.some(self.random),))

    def move(self):
        path = self.any()
        self.tree.rename(path, self.directory() + (self.random.choice([path[-1], names.some(self.random)]),))

    def exchange(self):
        """A file and a directory, as likely as two of a kind."""
        one = self.any()
        other = self.random.choice([self.any, self.directory, self.some_file])()
        self.tree.exchange(one, other if other and other != GIANT else one)

    def delete(self):
        self.tree.remove(self.any())

    def anew(self):
        """Another file under the same name; ext4 gives it the same inode."""
        path = self.some_file()
        self.tree.remove(path)
        with self.tree.making(path) as fd:
            self.tree.file(fd, path[-1])

    def replace(self):
        """By something of any kind."""
        path = self.any()
        self.tree.remove(path)
        if self.random.random() < 0.3:
            self.tree.make_directory(path)
        else:
            self.tree.add(path[:-1], path[-1], self.paths)

    def replace_by_link(self):
        """A directory, by a link to where it is now."""
        path = self.directory()
        if path and path != GIANT:
            away = path[:-1] + (b"away %d" % self.random.randrange(9),)
            self.tree.rename(path, away)
            with self.tree.making(path) as fd:
                os.symlink(away[-1], path[-1], dir_fd=fd)

    def hard_link(self):
        path = self.directory() + (names.some(self.random),)
        with self.tree.making(path) as fd:
            self.tree.hard_link(fd, path[-1], [self.some_file()])

    # Moves of which more than one name has a part

    def below_root(self):
        """Any directory but the root and a giant one."""
        return self.random.choice([path for path in self.directories[1:] if path != GIANT] or [(b"nothing",)])

    def rename_directory(self):
        """To another name beside it; where it now is."""
        path = self.below_root()
        renamed = path[:-1] + (names.some(self.random),)
        self.tree.rename(path, renamed)
        return renamed

    def move_directory(self):
        path = self.below_root()
        self.tree.rename(path, self.directory() + (self.random.choice([path[-1], names.some(self.random)]),))

    def rotate(self):
        """One takes the name of the next, and the last that of the first; they are of any kind, often beside one another."""
        one = self.any()
        beside = [path for path in self.paths if path and path[:-1] == one[:-1] and path != one]
        choice = beside if len(beside) > 1 and self.random.random() < 0.7 else self.paths[1:]
        if len(choice) > 1:
            paths = [one] + self.random.sample(choice, 2)
            between = one[:-1] + (b".between",)
            self.tree.rename(paths[2], between)
            self.tree.rename(paths[1], paths[2])
            self.tree.rename(paths[0], paths[1])
            self.tree.rename(between, paths[0])

    def exchange_directories(self):
        self.tree.exchange(self.below_root(), self.below_root())

    def move_into_renamed(self):
        """A file, into a directory that was renamed a moment ago."""
        path = self.some_file()
        self.tree.rename(path, self.rename_directory() + (self.random.choice([path[-1], names.some(self.random)]),))

    def move_under_new(self):
        """A directory, to below one or two that are new."""
        path = self.below_root()
        above = self.directory()
        for _ in range(self.random.choice([1, 1, 2])):
            above += (names.some(self.random),)
            self.tree.make_directory(above)
        self.tree.rename(path, above + (path[-1],))

    # Away for some rounds

    def take_away(self):
        path = self.any()
        number = f"{len(os.listdir(self.attic))}"
        self.tree.take_away(path, self.attic, number)
        with open(f"{self.attic}/{number}.path", "wb") as file:
            file.write(b"/".join(path))

    def bring_back(self):
        """To where it was, if there is nothing now."""
        away = sorted(name for name in os.listdir(self.attic) if not name.endswith(".path"))
        if away:
            number = self.random.choice(away)
            with open(f"{self.attic}/{number}.path", "rb") as file:
                path = tuple(file.read().split(b"/"))
            self.tree.bring_back(self.attic, number, path)
