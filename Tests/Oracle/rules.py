"""rules.py flags ROUND SEED...: what `library set` is told before the round, a line of JSON for each seed whose rules change.
rules.py judge ROUND DIRECTORIES SEED=ROOT... < LISTING: the listing's lines that these rules admit, what they say of the rest,
which entry is which, and where nothing is kept out which row is which, as a script for psql(1). The file DIRECTORIES has a line for
each live directory in the catalogue: the seed, the path and the id. Which row is which is kept in ROOT.ledger."""

import json
import random
import sys

from judging import Entry, Judgement
from ledger import Ledger
from model import Model

GLOBS = [
    "*.tmp", "f*", "/g1*", "d/", "d*/", "*/f*", "/*/f*", "[a-f]1*", "?", ".*", "g*/**", "**/f?.mp4", "**/d", "case", "C*", "\\#", "\\!not",
    "[!f]*.mp4", "trail\\ ", "*.mp?", "*\\*", "-*", "*'*", "f1/f2", "/d/d/", "*e*", "été", "[[:upper:]]*", "storm",
]
# What hides a good part of a tree, and leaves a good part.
HIDING = ["g*", "d*", "f*", "*1*", "*2*", "[a-m]*", "[!a-m]*", "/[a-m]*", "/[!a-m]*", "*e*", "*/[d-f]*/"]
PLAIN = {"layout": "flat", "extensions": None, "max_size": None, "symlinks": "record", "one_filesystem": False, "ignore": [],
         "rejected": "error"}
# A giant whose entries are errors until its last round: more than have rows.
CROWDED = 100_005


def rules(seed, turn):
    """Every third seed has some, which change in most rounds."""
    if seed == CROWDED:
        return PLAIN | {"extensions": ["mp4"] if turn < 2 else None}
    if seed % 3 != 0 or seed > 100_000:
        return PLAIN
    chance = random.Random(f"rules {seed}/{turn}")
    if turn > 0 and chance.random() < 0.3:
        return rules(seed, turn - 1)
    symlinks = chance.choice(["record", "skip", "follow", "follow"])
    globs = [chance.choice(["", "", "", "!"]) + chance.choice(GLOBS) for _ in range(chance.choice([0, 0, 1, 1, 2, 4]))]
    if symlinks == "follow":
        # Only what is hidden is followed to.
        globs.insert(0, chance.choice(HIDING))
    return {
        "layout": chance.choice(["flat", "category/course"]),
        "extensions": chance.choice([None, None, None, ["mp4"], ["pdf", "gz", "mp4"]]),
        "max_size": chance.choice([None, None, 0, 30, 1 << 40]),
        "symlinks": symlinks,
        # There is no mount in the tree: it must change nothing.
        "one_filesystem": chance.random() < 0.3,
        "ignore": globs,
        "rejected": chance.choice(["error", "skip"]),
    }


def flags(chosen):
    extensions, size = chosen["extensions"], chosen["max_size"]
    words = ["--layout", chosen["layout"], "--symlinks", chosen["symlinks"], "--rejected", chosen["rejected"]]
    words += ["--extensions", ",".join(extensions) if extensions else "all", "--max-size", "none" if size is None else str(size)]
    words += ["--one-filesystem" if chosen["one_filesystem"] else "--no-one-filesystem"]
    return words + ([f"--ignore={glob}" for glob in chosen["ignore"]] or ["--no-ignore"])


def is_plain(seed):
    """Whether nothing is ever kept out of its library."""
    return all(rules(seed, turn) == PLAIN for turn in range(4))


def text(name):
    """As the views show a name: as it is where it is UTF-8."""
    try:
        return name.decode().encode()
    except UnicodeDecodeError:
        return b"".join(b"\\%03o" % byte if byte > 127 else b"\\\\" if byte == 92 else b"%c" % byte for byte in name)


def bytea(value):
    return "\\\\x" + value.hex()


def copies(judged):
    lines = {"listing": [], "barred": [], "error": [], "ruled": []}
    for seed, found in judged.items():
        for entry in found.admitted:
            levels = entry.path.split(b"/") if entry.path else []
            above = levels if entry.kind == "directory" else levels[:-1]
            names = [bytea(text(name)) for name in above[:2]] + [r"\N", r"\N"]
            own = [r"\N", r"\N"]
            if entry.is_listed:
                own = [str(found.files.get(entry.path, 0)), str(found.bytes.get(entry.path, 0))]
            lines["listing"].append("\t".join([str(seed), bytea(entry.path), entry.kind, str(entry.size), *entry.rest, *own, *names[:2]]))
        lines["barred"] += [f"{seed}\t{bytea(entry.path)}\t{entry.kind == 'directory'}" for entry in found.barred]
        lines["error"] += [f"{seed}\t{bytea(path)}\t{error}" for path, error in found.errors]
        lines["ruled"].append(f"{seed}\t{found.rules['layout']}\t{found.ignored}")
    for table, rows in lines.items():
        print(f"TRUNCATE oracle.{table};")
        copy(table, rows)


def copy(table, rows):
    print("\n".join([f"COPY oracle.{table} FROM STDIN;", *rows, "\\.", f"ANALYZE oracle.{table};"]))


def identities(seed, turn, entries, model):
    """A line for each entry; the model must know all that is there, and nothing else."""
    known = {b"/".join(path): (serial, directory, name) for path, (serial, (directory, name)) in model.paths().items()}
    listed = {entry.path for entry in entries}
    if known.keys() != listed:
        raise SystemExit(f"seed {seed}, round {turn}: the model and the tree differ in {list(known.keys() ^ listed)[:5]}")
    for entry in entries:
        serial, directory, name = known[entry.path]
        yield f"{turn}\t{seed}\t{serial}\t{bytea(entry.path)}\t{directory}/{name.hex()}\t{entry.kind}"


def ledgers(seed, turn, root, entries, judged, model, ids):
    """The rows that there must be, what must have become of which, and how many."""
    for entry in entries:
        entry.number = model.numbers[model.find(tuple(entry.path.split(b"/")) if entry.path else ())]
        entry.own = (judged.files.get(entry.path, 0), judged.bytes.get(entry.path, 0)) if entry.kind == "directory" else (r"\N", r"\N")
    ledger = Ledger() if turn == 0 else Ledger.load(root + ".ledger")
    changes, counters = ledger.scan(turn, entries, ids)
    ledger.save(root + ".ledger")
    rows = [[seed, row.key, bytea(path), row.is_directory, row.kind, row.size, *row.rest, *row.own, row.is_live, row.first, row.changed]
            for row, path in ledger.noted()]
    deeds = [[seed, change, kind, key, bytea(path), r"\N" if origin is None else bytea(origin)] for change, kind, key, path, origin in changes]
    return rows, deeds, [[seed, *counters.values()]]


def judge(turn, directories, roots):
    entries = {seed: [] for seed in roots}
    for line in sys.stdin:
        seed, path, kind, size, *rest = line.rstrip("\n").split("\t")
        entries[int(seed)].append(Entry(bytes.fromhex(path[3:]), kind, int(size), rest[:4], rest[4] != r"\N", int(rest[6])))
    for found in entries.values():
        found.sort(key=lambda entry: entry.path.split(b"/"))
    judged = {seed: Judgement(rules(seed, turn), root, entries[seed]) for seed, root in roots.items()}
    copies(judged)
    models = {seed: Model.load(root + ".model") for seed, root in roots.items()}
    copy("identity", [line for seed in roots for line in identities(seed, turn, entries[seed], models[seed])])
    ids = {seed: {} for seed in roots}
    with open(directories) as lines:
        for seed, path, id in (line.split("\t") for line in lines):
            if int(seed) in ids:
                ids[int(seed)][bytes.fromhex(path[2:])] = int(id)
    tables = {"row": [], "deed": [], "counter": []}
    for seed, root in roots.items():
        if is_plain(seed):
            found = ledgers(seed, turn, root, entries[seed], judged[seed], models[seed], ids[seed])
            for lines, more in zip(tables.values(), found):
                lines += ["\t".join(map(str, line)) for line in more]
    for table, lines in tables.items():
        print(f"TRUNCATE oracle.{table};")
        copy(table, lines)


def main():
    turn = int(sys.argv[2])
    if sys.argv[1] == "judge":
        judge(turn, sys.argv[3], {int(seed): root for seed, root in (words.split("=", 1) for words in sys.argv[4:])})
    else:
        for seed in map(int, sys.argv[3:]):
            before = rules(seed, turn - 1) if turn > 0 else PLAIN
            if rules(seed, turn) != before:
                print(json.dumps({"seed": seed, "flags": flags(rules(seed, turn))}))


main()
