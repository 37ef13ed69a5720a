"""storm.py ROOT SEED: creates, writes, renames and deletes files and directories below ROOT, as fast as it can, until it is
killed. Nothing that was there before is touched."""

import os
import random
import shutil
import sys

root, chance = sys.argv[1], random.Random(sys.argv[2])
directories = [root] + [path for path, _, _ in os.walk(root)]
made = []
print("storming", flush=True)
for number in range(1 << 60):
    name = f"{chance.choice(directories)}/storm {number}"
    kind = chance.randrange(10)
    if kind < 4 or len(made) < 20:
        with open(name, "w") as file:
            file.write("x" * chance.randrange(20))
        made.append(name)
    elif kind < 5:
        os.mkdir(name)
        open(f"{name}/inside", "w").close()
        made.append(name)
    else:
        path = made.pop(chance.randrange(len(made)))
        if kind < 7:
            os.rename(path, name)
            made.append(name)
        elif os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    if len(made) > 2_000:
        made, old = made[1_000:], made[:1_000]
        for path in old:
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
