"""Where symbolic links lead, as path_resolution(7) has it, but never out of the root: a text that leaves it leads
outside, whatever is there. Worked out from a listing of the root and the links' texts."""

import os

from tree import Tree

LONGEST_NAME, MOST_LINKS = 255, 40


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
        above = parts(path)[:-1]
        found = self.walk(above, self.text(path))
        if above[:len(found)] == found:
            raise Astray("symlink_loop")
        return b"/".join(found)

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
                is_directory, names = True, text.split(b"/")
                if text.startswith(b"/"):
                    place, names = (), self.below_root(names)
                left += reversed(names)
            if not left:
                return place
            name, text = left.pop(), None
            if not is_directory:
                raise Astray("file_not_found")
            if name == b"..":
                if not place:
                    raise Astray("symlink_external")
                place = place[:-1]
            elif name not in (b"", b"."):
                if len(name) > LONGEST_NAME:
                    raise Astray("name_too_long")
                kind, text = self.look(place + (name,))
                if kind != "symlink":
                    place, is_directory = place + (name,), kind == "directory"

    def below_root(self, names):
        """What an absolute path has after the root's own."""
        for part in self.root:
            while names and names[0] in (b"", b"."):
                names = names[1:]
            if names[:1] != [part]:
                raise Astray("symlink_external")
            names = names[1:]
        return names

    def look(self, place):
        """What is there, and a link's text."""
        path = b"/".join(place)
        if path and path not in self.kinds:
            raise Astray("file_not_found")
        kind = self.kinds[path] if path else "directory"
        return kind, self.text(path) if kind == "symlink" else None


def parts(path):
    return tuple(name for name in path.split(b"/") if name)
