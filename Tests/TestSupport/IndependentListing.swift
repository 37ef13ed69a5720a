import Foundation

/// What another program (Python's scandir and lstat) says about a tree: rows for COPY, so that Postgres
/// compares them with the catalogue's.
public enum IndependentListing {
  /// A line for each entry below `root` and `root` itself: path in the notation of bytea, kind as in
  /// `catalog_files` or `directory`, size, mtime and ctime in nanoseconds, inode, mode.
  ///
  /// - Parameter oneFilesystem: directories on another file system than `root` are lines, and not entered.
  public static func copyText(of root: String, oneFilesystem: Bool = false) throws -> [UInt8] {
    try run(["python3", "-c", script, root, oneFilesystem ? "one" : "all"])
  }

  /// Works on descriptors, as no path may fit into PATH_MAX; every level of depth costs one.
  private static let script = """
    import os, stat, sys
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
             stat.S_IFSOCK: "socket", stat.S_IFBLK: "block", stat.S_IFCHR: "char"}
    sys.setrecursionlimit(5000)
    lines = []
    def line(path, s):
        lines.append("\\\\\\\\x%s\\t%s\\t%d\\t%d\\t%d\\t%d\\t%d" % (path.hex(), kinds[stat.S_IFMT(s.st_mode)], s.st_size,
            s.st_mtime_ns, s.st_ctime_ns, s.st_ino, s.st_mode))
    def walk(fd, path, device):
        with os.scandir(fd) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            below = path + os.fsencode(name)
            line(below, status)
            if stat.S_ISDIR(status.st_mode) and device in (None, status.st_dev):
                child = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
                walk(child, below + b"/", device)
                os.close(child)
    root = os.open(sys.argv[1], os.O_RDONLY)
    status = os.fstat(root)
    line(b"", status)
    walk(root, b"", status.st_dev if sys.argv[2] == "one" else None)
    print("\\n".join(lines))

    """
}
