import Foundation

/// What another program (Python's scandir and lstat) says about a tree: rows for COPY, so that Postgres
/// compares them with the catalogue's.
public enum IndependentListing {
  /// The table that the rows are for. `files` and `bytes` are of directories that were listed.
  public static let columns = """
    path bytea, kind text, size bigint, mtime_ns bigint, ctime_ns bigint, inode bigint, mode int, files bigint, bytes bigint,
    links int
    """

  /// A line for each entry below `root` and for `root` itself, whose path is empty; kinds are named as in
  /// `catalog_files`, and `directory`.
  ///
  /// - Parameters:
  ///   - oneFilesystem: directories on another file system than `root` are lines, and not entered.
  ///   - wrapper: a program and its arguments that turn into the lister, such as nsenter(1).
  public static func copyText(
    of root: String, oneFilesystem: Bool = false, wrapper: [String] = []
  ) throws -> [UInt8] {
    try run(wrapper + ["python3", "-c", script, oneFilesystem ? "one" : "all", "", root])
  }

  /// The lines of several roots, each beginning with a column more: the name of the root, which is not empty.
  public static func copyText(of roots: [(name: String, root: String)]) throws -> [UInt8] {
    try run(["python3", "-c", script, "all"] + roots.flatMap { [$0.name, $0.root] })
  }

  /// Works on descriptors, as no path may fit into PATH_MAX; every level of depth costs one.
  private static let script = #"""
    import os, resource, stat, sys
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
             stat.S_IFSOCK: "socket", stat.S_IFBLK: "block", stat.S_IFCHR: "char"}
    sys.setrecursionlimit(10_000)
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    lines = []
    def line(path, s, files=r"\N", size=r"\N"):
        lines.append("%s\\\\x%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%d" % (label, path.hex(), kinds[stat.S_IFMT(s.st_mode)],
            s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino, s.st_mode, files, size, s.st_nlink))
    def walk(fd, path, device):
        with os.scandir(fd) as entries:
            names = [entry.name for entry in entries]
        files = size = 0
        for name in names:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            below = (path + b"/" if path else b"") + os.fsencode(name)
            if not stat.S_ISDIR(status.st_mode):
                files += 1
                size += status.st_size
                line(below, status)
            elif device in (None, status.st_dev):
                child = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
                walk(child, below, device)
                os.close(child)
            else:
                line(below, status)
        line(path, os.fstat(fd), files, size)
    for name, path in zip(sys.argv[2::2], sys.argv[3::2]):
        label = name and name + "\t"
        root = os.open(path, os.O_RDONLY)
        walk(root, b"", os.fstat(root).st_dev if sys.argv[1] == "one" else None)
        os.close(root)
    print("\n".join(lines))
    """#
}
