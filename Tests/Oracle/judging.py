"""What a library's rules make of a listing of its root: which entries are rows, which are errors, and which are passed over."""

from globs import ignored, ignored_elsewhere
from links import Astray, Links


class Entry:
    def __init__(self, path, kind, size, rest, is_listed, links=1, real=None):
        self.path, self.kind, self.size, self.rest, self.is_listed, self.links = path, kind, size, rest, is_listed, links
        # Where it is, if `path` leads through a link that is followed; such a link's own is its target's.
        self.real = path if real is None else real
        self.is_followed = real is not None


class Judgement:
    """Of one library's entries, sorted so that each comes after its directory."""

    def __init__(self, chosen, root, entries):
        self.rules = chosen
        self.admitted, self.barred, self.errors = [], [], []
        self.ignored = 0
        self.files, self.bytes = {}, {}
        self.closed = set()
        self.links = Links(root, {entry.path: entry.kind for entry in entries})
        # What links lead to that are followed; none is followed among these.
        self.entered = []
        out = ignored(chosen["ignore"], root, [entry.path for entry in entries if entry.path])
        for entry in entries:
            self.judge(entry, out)
        below = [entry for link, target in self.entered for entry in behind(link, target, entries)]
        directories = [entry.path for entry in below if entry.kind == "directory"]
        out = ignored_elsewhere(chosen["ignore"], directories, [entry.path for entry in below])
        for entry in below:
            self.judge(entry, out)

    def judge(self, entry, out):
        path, kind = entry.path, entry.kind
        if path and path.rpartition(b"/")[0] in self.closed:
            if kind == "directory":
                self.closed.add(path)
        elif path in out or kind == "symlink" and self.rules["symlinks"] == "skip":
            self.ignored += 1
            self.bar(entry)
        elif kind == "file" and (error := self.error(entry)):
            self.bar(entry)
            if self.rules["rejected"] == "skip":
                self.ignored += 1
            else:
                self.errors.append((path, error))
        elif kind != "symlink" or self.rules["symlinks"] != "follow" or not self.is_entered(entry, out):
            self.admit(entry)

    def is_entered(self, link, out):
        """A link is followed to what the walk does not come to by itself, if it came to the link by itself."""
        try:
            target = self.links.target(link.real)
        except Astray as error:
            self.errors.append((link.path, str(error)))
            return False
        if link.is_followed or target not in out:
            return False
        self.entered.append((link.path, target))
        return True

    def admit(self, entry):
        self.admitted.append(entry)
        if entry.kind != "directory":
            parent = entry.path.rpartition(b"/")[0]
            self.files[parent] = self.files.get(parent, 0) + 1
            self.bytes[parent] = self.bytes.get(parent, 0) + entry.size

    def bar(self, entry):
        self.barred.append(entry)
        if entry.kind == "directory":
            self.closed.add(entry.path)

    def error(self, entry):
        if self.rules["extensions"] and not has_extension(entry.path.rpartition(b"/")[2], self.rules["extensions"]):
            return "invalid_extension"
        return "oversized" if self.rules["max_size"] is not None and entry.size > self.rules["max_size"] else None


def behind(link, target, entries):
    """What is listed in a followed link's place: its target, and all below that."""
    for entry in entries:
        if entry.path == target or entry.path.startswith(target + b"/"):
            path = link + entry.path[len(target):]
            yield Entry(path, entry.kind, entry.size, entry.rest, entry.is_listed, entry.links, real=entry.path)


def has_extension(name, extensions):
    stem, dot, extension = name.rpartition(b".")
    return bool(stem and dot) and extension.lower() in [wanted.encode() for wanted in extensions]
