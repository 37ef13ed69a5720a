"""rules.py flags ROUND SEED...: what `library set` is told before the round, a line of JSON for each seed whose rules change.
rules.py judge ROUND SEED=ROOT... < LISTING: the listing's lines that these rules admit, and what they say of the rest, as a
script for psql(1). Globs are git's to judge: `git check-ignore` reads them as a .gitignore in the root."""

import json
import os
import random
import stat
import subprocess
import sys
import tempfile

GLOBS = [
    "*.tmp", "f*", "/g1*", "d/", "d*/", "*/f*", "/*/f*", "[a-f]1*", "?", ".*", "g*/**", "**/f?.mp4", "**/d", "case", "C*", "\\#", "\\!not",
    "[!f]*.mp4", "trail\\ ", "*.mp?", "*\\*", "-*", "*'*", "f1/f2", "/d/d/", "*e*", "été", "[[:upper:]]*", "storm",
]
PLAIN = {"layout": "flat", "extensions": None, "max_size": None, "symlinks": "record", "ignore": [], "rejected": "error"}


def rules(seed, turn):
    """Every third seed has some, which change in most rounds."""
    if seed % 3 != 0 or seed > 100_000:
        return PLAIN
    chance = random.Random(f"rules {seed}/{turn}")
    if turn > 0 and chance.random() < 0.3:
        return rules(seed, turn - 1)
    globs = [chance.choice(["", "", "", "!"]) + chance.choice(GLOBS) for _ in range(chance.choice([0, 0, 1, 1, 2, 4]))]
    return {
        "layout": chance.choice(["flat", "category/course"]),
        "extensions": chance.choice([None, None, None, ["mp4"], ["pdf", "gz", "mp4"]]),
        "max_size": chance.choice([None, None, 0, 30, 1 << 40]),
        "symlinks": chance.choice(["record", "record", "skip"]),
        "ignore": globs,
        "rejected": chance.choice(["error", "skip"]),
    }


def flags(chosen):
    extensions, size = chosen["extensions"], chosen["max_size"]
    words = ["--layout", chosen["layout"], "--symlinks", chosen["symlinks"], "--rejected", chosen["rejected"]]
    words += ["--extensions", ",".join(extensions) if extensions else "all", "--max-size", "none" if size is None else str(size)]
    return words + ([f"--ignore={glob}" for glob in chosen["ignore"]] or ["--no-ignore"])


def ignored(globs, root, paths):
    """Those of the paths that git would ignore."""
    if not globs or not paths:
        return set()
    with tempfile.TemporaryDirectory() as folder:
        for name in ["objects", "refs", "info"]:
            os.mkdir(f"{folder}/{name}")
        for name, text in [("HEAD", "ref: refs/heads/main\n"), ("info/exclude", "\n".join(globs) + "\n"),
                           ("config", "[core]\nrepositoryformatversion = 0\nexcludesFile = /dev/null\nignoreCase = false\n")]:
            with open(f"{folder}/{name}", "w") as file:
                file.write(text)
        git = ["git", f"--git-dir={folder}", f"--work-tree={root}", "check-ignore", "--no-index", "-z", "--stdin"]
        # The dot: a path that begins with a colon would be a pathspec's magic.
        ended = subprocess.run(git, input=b"\0".join(b"./" + path for path in paths), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root,
                               env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"})
        if ended.returncode not in (0, 1):
            raise SystemExit(f"git check-ignore: {ended.stderr.decode(errors='replace')}")
        return {path[2:] for path in ended.stdout.split(b"\0")[:-1]}


def has_extension(name, extensions):
    stem, dot, extension = name.rpartition(b".")
    return bool(stem and dot) and extension.lower() in [wanted.encode() for wanted in extensions]


class Judgement:
    """What the rules say of one library's lines."""

    def __init__(self, chosen, root, entries):
        self.rules = chosen
        self.admitted, self.barred, self.rejected = [], [], []
        self.ignored = 0
        self.files, self.bytes = {}, {}
        out = ignored(chosen["ignore"], root, [path for path, *_ in entries if path])
        closed = set()
        for path, kind, size, rest, listed in entries:
            parent = path.rpartition(b"/")[0]
            if path and parent in closed:
                if kind == "directory":
                    closed.add(path)
            elif path in out or kind == "symlink" and chosen["symlinks"] == "skip":
                self.ignored += 1
                self.bar(path, kind, closed)
            elif kind == "file" and (error := self.error(path, size)):
                self.bar(path, kind, closed)
                if chosen["rejected"] == "skip":
                    self.ignored += 1
                else:
                    self.rejected.append((path, error))
            else:
                self.admitted.append((path, kind, size, rest, listed))
                if kind != "directory":
                    self.files[parent] = self.files.get(parent, 0) + 1
                    self.bytes[parent] = self.bytes.get(parent, 0) + size

    def bar(self, path, kind, closed):
        self.barred.append((path, kind == "directory"))
        if kind == "directory":
            closed.add(path)

    def error(self, path, size):
        if self.rules["extensions"] and not has_extension(path.rpartition(b"/")[2], self.rules["extensions"]):
            return "invalid_extension"
        return "oversized" if self.rules["max_size"] is not None and size > self.rules["max_size"] else None


def text(name):
    """As the views show a name: as it is where it is UTF-8."""
    try:
        return name.decode().encode()
    except UnicodeDecodeError:
        return b"".join(b"\\%03o" % byte if byte > 127 else b"\\\\" if byte == 92 else b"%c" % byte for byte in name)


def bytea(value):
    return "\\\\x" + value.hex()


def copies(judged):
    lines = {"listing": [], "barred": [], "rejected": [], "ruled": []}
    for seed, found in judged.items():
        for path, kind, size, rest, listed in found.admitted:
            levels = path.split(b"/") if path else []
            above = levels if kind == "directory" else levels[:-1]
            names = [bytea(text(name)) for name in above[:2]] + [r"\N", r"\N"]
            own = [r"\N", r"\N"]
            if listed:
                own = [str(found.files.get(path, 0)), str(found.bytes.get(path, 0))]
            lines["listing"].append("\t".join([str(seed), bytea(path), kind, str(size), *rest, *own, *names[:2]]))
        lines["barred"] += [f"{seed}\t{bytea(path)}\t{is_directory}" for path, is_directory in found.barred]
        lines["rejected"] += [f"{seed}\t{bytea(path)}\t{error}" for path, error in found.rejected]
        lines["ruled"].append(f"{seed}\t{found.rules == PLAIN}\t{found.rules['layout']}\t{found.ignored}")
    for table, rows in lines.items():
        print("\n".join([f"TRUNCATE oracle.{table};", f"COPY oracle.{table} FROM STDIN;", *rows, "\\.", f"ANALYZE oracle.{table};"]))


def judge(turn, roots):
    entries = {seed: [] for seed in roots}
    for line in sys.stdin:
        seed, path, kind, size, *rest = line.rstrip("\n").split("\t")
        entries[int(seed)].append((bytes.fromhex(path[3:]), kind, int(size), rest[:4], rest[4] != r"\N"))
    for lines in entries.values():
        lines.sort(key=lambda line: line[0].split(b"/"))
    copies({seed: Judgement(rules(seed, turn), root, entries[seed]) for seed, root in roots.items()})


def main():
    turn = int(sys.argv[2])
    if sys.argv[1] == "judge":
        judge(turn, {int(seed): root for seed, root in (words.split("=", 1) for words in sys.argv[3:])})
    else:
        for seed in map(int, sys.argv[3:]):
            before = rules(seed, turn - 1) if turn > 0 else PLAIN
            if rules(seed, turn) != before:
                print(json.dumps({"seed": seed, "flags": flags(rules(seed, turn))}))


main()
