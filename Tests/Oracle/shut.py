"""shut.py ROUND SEED=ROOT: gives the directories of a tree other modes, by chance, so that some of them are closed to those
who may not everything; in later rounds files come and go first, closed places or not. Round `open` opens all. The tree is
one that grow.py made."""

import os
import random
import resource
import sys

from tree import Tree

OPEN = 0o755
MODES = [OPEN] * 16 + [0o000, 0o444, 0o111, 0o700, 0o555, 0o311]


def come_and_go(tree, turn):
    """Only what never was there comes: what took another's place could not be told from it."""
    chance = tree.random
    for path, is_directory in reversed(tree.paths()[1:]):
        if chance.random() < (0.02 if is_directory else 0.2):
            tree.attempt(lambda: tree.remove(path))
    directories = [path for path, is_directory in tree.paths() if is_directory]
    for number in range(len(directories)):
        with tree.directory(chance.choice(directories)) as fd:
            tree.file(fd, b"new in %s: %d" % (turn.encode(), number))


def main():
    sys.setrecursionlimit(10_000)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    turn = sys.argv[1]
    seed, root = sys.argv[2].split("=", 1)
    tree = Tree(root, random.Random(f"shut {seed}/{turn}"))
    # Whoever made it may not enter it everywhere any more, unless that is root; from the top down, as each must be open.
    reopen(tree, ())
    if turn not in ("0", "open"):
        come_and_go(tree, turn)
    directories = [path for path, is_directory in tree.paths() if is_directory and path]
    for path in reversed(directories):
        with tree.directory(path) as fd:
            os.fchmod(fd, OPEN if turn == "open" else tree.random.choice(MODES))


def reopen(tree, path):
    with tree.directory(path[:-1]) as fd:
        if path:
            os.chmod(path[-1], OPEN, dir_fd=fd)
    with tree.directory(path) as fd:
        with os.scandir(fd) as entries:
            below = [os.fsencode(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)]
    for name in below:
        reopen(tree, path + (name,))


main()
