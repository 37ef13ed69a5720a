"""Where symbolic links lead, as path_resolution(7) has it: worked out from a listing of the root and the links' texts.
What lies outside the root the file system is asked for, name by name."""

import os
import stat

from tree import Tree

LONGEST_NAME, LONGEST_PATH, MOST_LINKS = 255, 4095, 40


class Astray(Exception):
    """The type of the error that a link is."""


class Links:
    def __init__(self, root, kinds):
        """`kinds` are those of the paths in the root."""
        self.tree = Tree(root, None)
        self.kinds = kinds
        self.root = parts(os.path.realpath(os.fsencode(root)))

    def target(self, path):
        """The real path in the root that a link leads to; there is no link on the way to `path` itself."""
        above = self.root + parts(path)[:-1]
        found = self.walk(above, self.text(path))
        if length(found) > LONGEST_PATH:
            raise Astray("name_too_long")
        if found[:len(self.root)] != self.root:
            raise Astray("symlink_external")
        if length(above) > LONGEST_PATH:
            raise Astray("name_too_long")
        if above[:len(found)] == found:
            raise Astray("symlink_loop")
        return b"/".join(found[len(self.root):])

    def text(self, path):
        with self.tree.directory(parts(path)[:-1]) as fd:
            return os.readlink(parts(path)[-1], dir_fd=fd)

    def walk(self, place, text):
        links, is_directory, left = 0, True, []
        while True:
            if text is not None:
                links += 1
                if links > MOST_LINKS:
                    raise Astray("symlink_loop")
                place, is_directory = (() if text.startswith(b"/") else place), True
                left += reversed(text.split(b"/"))
            if not left:
                return place
            name, text = left.pop(), None
            if not is_directory:
                raise Astray("file_not_found")
            if name == b"..":
                place = place[:-1]
            elif name not in (b"", b"."):
                if len(name) > LONGEST_NAME:
                    raise Astray("name_too_long")
                kind, text = self.look(place + (name,))
                if kind != "symlink":
                    place, is_directory = place + (name,), kind == "directory"

    def look(self, place):
        """What is there, and a link's text."""
        if place[:len(self.root)] == self.root:
            path = b"/".join(place[len(self.root):])
            if path and path not in self.kinds:
                raise Astray("file_not_found")
            kind = self.kinds[path] if path else "directory"
            return kind, self.text(path) if kind == "symlink" else None
        path = b"/" + b"/".join(place)
        try:
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                return "symlink", os.readlink(path)
        except OSError:
            raise Astray("file_not_found") from None
        return ("directory" if stat.S_ISDIR(mode) else "file"), None


def parts(path):
    return tuple(name for name in path.split(b"/") if name)


def length(place):
    return sum(len(name) + 1 for name in place)
