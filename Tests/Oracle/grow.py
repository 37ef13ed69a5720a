"""grow.py ROUND SEED=ROOT...: makes the tree of each seed at its root in round 0, which must not exist then, and mutates
it in the rounds after. The same seed does the same on the same file system, whatever else is made beside it.
What happened to which entry is in ROOT.model."""

import os
import random
import resource
import sys

import names
from model import Model
from mutations import Mutations
from tree import Tree

# Seeds from here on have a directory of 100,000 entries.
FIRST_GIANT = 100_000


def entries(chance, seed):
    """How many: mostly few, as these go through most shapes in a second."""
    if seed > FIRST_GIANT:
        return 300
    return chance.choices([chance.randrange(6), chance.randrange(6, 120), chance.randrange(120, 500), chance.randrange(500, 2_000)],
                          [5, 65, 23, 7])[0]


def make(tree, seed):
    os.mkdir(tree.root, 0o755)
    os.mkdir(tree.root + ".attic")
    chance = tree.random
    paths, directories = [()], [()]
    for _ in range(entries(chance, seed)):
        # Deep as often as wide.
        parent = directories[-1] if chance.random() < 0.3 else chance.choice(directories)
        path = parent + (names.some(chance),)
        if chance.random() < 0.2:
            if tree.attempt(lambda: tree.make_directory(path)):
                directories.append(path)
                paths.append(path)
        elif tree.attempt(lambda: tree.add(parent, path[-1], paths)):
            paths.append(path)
    if chance.random() < 0.1:
        # Longer than PATH_MAX; many levels; rarely thousands.
        levels, name = chance.choices(
            [(25, names.long(chance)), (chance.randrange(50, 200), b"d"), (chance.randrange(1000, 2500), b"d")], [10, 10, 1])[0]
        tree.attempt(lambda: tree.chain(chance.choice(directories), levels, name))
    if seed > FIRST_GIANT:
        giant(tree)


def giant(tree):
    tree.make_directory((b"giant",))
    with tree.directory((b"giant",)) as fd:
        for index in range(100_000):
            name = b"%x" % (index * 2654435761 % 2**32)
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=fd))
            tree.model.made((b"giant", name))


def mutate(tree, seed):
    """One round of ten changes nothing."""
    mutations = Mutations(tree, tree.root + ".attic")
    chance = tree.random
    if chance.random() < 0.1:
        return
    share = chance.choice([0.01, 0.1, 0.5])
    mutations.run(200 if seed > FIRST_GIANT else 1 + int(len(mutations.paths) * share))


def main():
    sys.setrecursionlimit(10_000)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.umask(0)
    turn = int(sys.argv[1])
    for words in sys.argv[2:]:
        seed, root = words.split("=", 1)
        tree = Tree(root, random.Random(f"{seed}/{turn}"), Model() if turn == 0 else Model.load(root + ".model"))
        if turn == 0:
            make(tree, int(seed))
        else:
            mutate(tree, int(seed))
        tree.model.save(root + ".model")


main()
