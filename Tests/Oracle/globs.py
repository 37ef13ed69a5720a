"""Which paths a library's globs ignore. They are git's to judge: `git check-ignore` reads them as a .gitignore in the root."""

import os
import subprocess
import tempfile


def ignored(globs, root, paths):
    """Those of the paths that git would ignore. It looks in the root for which of them are directories."""
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


def ignored_elsewhere(globs, directories, paths):
    """The same of paths that lead through links, which git would not look behind: it looks at directories of their names."""
    if not globs or not paths:
        return set()
    with tempfile.TemporaryDirectory() as root:
        for path in sorted(directories):
            # What has no path is no directory to git in the root either.
            if len(root) + len(path) < 4_000:
                os.makedirs(os.fsencode(root) + b"/" + path, exist_ok=True)
        return ignored(globs, root, paths)
