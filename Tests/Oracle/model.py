"""Which file is which, by what happened to it: this decides, and not what a scan took for the same.

An entry has a serial number from its making on. It keeps it wherever it is renamed, moved or exchanged to, itself or with a
directory above it, and while it is taken away; with its deletion the number ends. What comes under its name afterwards is
another entry, though it have the same inode. Of several hard links each is an entry of its own, and all have one number.

The catalogue's ids follow where they can: an entry that is in two scans one after the other keeps its id, and no id goes to
another entry. But a row is a name in a directory: what replaces a file under its name takes over the row and the id, unless
one of the two is found elsewhere."""

import pickle

ROOT = 0


class Model:
    def __init__(self):
        self.last = ROOT
        # Of every directory what is in it.
        self.names = {ROOT: {}}
        # Of every entry which directory or file it is: hard links have one number.
        self.numbers = {ROOT: ROOT}
        # What was taken away, by its name there.
        self.attic = {}

    @staticmethod
    def load(path):
        with open(path, "rb") as file:
            return pickle.load(file)

    def save(self, path):
        with open(path, "wb") as file:
            pickle.dump(self, file)

    def find(self, path):
        serial = ROOT
        for name in path:
            serial = self.names.get(serial, {}).get(name)
            if serial is None:
                return None
        return serial

    def paths(self):
        """Of each path its serial and its place: the directory's serial and the name."""
        found, left = {(): (ROOT, (ROOT, b""))}, [((), ROOT)]
        while left:
            path, directory = left.pop()
            for name, serial in self.names[directory].items():
                found[path + (name,)] = (serial, (directory, name))
                if serial in self.names:
                    left.append((path + (name,), serial))
        return found

    # What happens

    def made(self, path, is_directory=False, link_to=None):
        """`link_to` is the entry of which a hard link was made."""
        self.last += 1
        self.numbers[self.last] = self.last if link_to is None else self.numbers[link_to]
        if is_directory:
            self.names[self.last] = {}
        self.put(self.last, path)

    def removed(self, path):
        self.end(self.take(path))

    def renamed(self, source, target):
        serial = self.take(source)
        self.end(self.take(target))
        self.put(serial, target)

    def exchanged(self, one, other):
        first, second = self.take(one), self.take(other)
        self.put(first, other)
        self.put(second, one)

    def taken_away(self, path, number):
        self.attic[number] = self.take(path)

    def brought_back(self, number, path):
        self.put(self.attic.pop(number), path)

    # How it is noted

    def take(self, path):
        return self.names.get(self.find(path[:-1]), {}).pop(path[-1], None)

    def put(self, serial, path):
        self.names[self.find(path[:-1])][path[-1]] = serial

    def end(self, serial):
        """It and all below it."""
        left = [serial]
        while left:
            left += self.names.pop(left.pop(), {}).values()
