import Foundation

/// A tree of real files, made by system calls because Foundation knows neither such names nor such depths.
public struct TestTree: Sendable {
  public struct CannotMake: Error {
    public let what: String
    public let errno: Int32
  }

  private let directory: TemporaryDirectory
  /// The root to walk.
  public let root: String

  /// - Parameter inMemory: for a large tree, whose file system does not matter.
  public init(inMemory: Bool = false) throws {
    directory = try TemporaryDirectory(inMemory: inMemory)
    root = directory.appending("root")
    // Some tests walk as another user.
    try made("root's parent", chmod(directory.path, 0o755))
    try made("root", mkdir(root, 0o755))
  }

  /// Where something outside the tree can be made.
  public func outside(_ name: String) -> String { directory.appending(name) }

  public func path(_ relative: String) -> String { root + "/" + relative }

  public func directory(_ path: String, mode: mode_t = 0o755) throws { try made(path, mkdir(self.path(path), mode)) }

  public func directory(named name: [UInt8]) throws {
    let path = (Array(root.utf8) + [UInt8(ascii: "/")] + name + [0]).map { CChar(bitPattern: $0) }
    try made(String(decoding: name, as: UTF8.self), mkdir(path, 0o755))
  }

  public func file(_ path: String, bytes: Int = 0) throws {
    try file(named: Array(path.utf8), bytes: bytes, in: AT_FDCWD, below: root + "/")
  }

  public func file(named name: [UInt8], bytes: Int = 0) throws {
    try file(named: name, bytes: bytes, in: AT_FDCWD, below: root + "/")
  }

  public func symlink(_ path: String, to target: String) throws {
    try made(path, Glibc.symlink(target, self.path(path)))
  }

  public func fifo(_ path: String) throws { try made(path, mkfifo(self.path(path), 0o600)) }

  /// Sets the times of a path, in seconds since 1970. Throws where the file system cuts them, as ext4 does and tmpfs
  /// does not.
  public func setTime(_ path: String, _ seconds: Int) throws {
    let time = timespec(tv_sec: seconds, tv_nsec: 0)
    try made(path, utimensat(AT_FDCWD, self.path(path), [time, time], 0))
    var status = stat()
    try made(path, lstat(self.path(path), &status))
    guard status.st_mtim.tv_sec == seconds else {
      throw CannotMake(what: "the time \(seconds) of \(path)", errno: EOVERFLOW)
    }
  }

  /// A device node, which only root may make, and not everywhere: false where it was forbidden.
  public func device(_ path: String, block: Bool) throws -> Bool {
    let type = block ? S_IFBLK : S_IFCHR
    guard mknod(self.path(path), type | 0o600, 0) != 0 else { return true }
    guard errno == EPERM else { throw CannotMake(what: path, errno: errno) }
    return false
  }

  public func hardLink(_ path: String, to target: String) throws {
    try made(path, link(self.path(target), self.path(path)))
  }

  public func socket(_ path: String) throws {
    let number = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    try made(path, number)
    defer { close(number) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: self.path(path).utf8.prefix($0.count - 1)) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try made(path, bound)
  }

  /// Directories within one another; each level holds a file and a second directory, so that the walk
  /// has to come back to every level.
  public func chain(_ path: String, levels: Int, name: String) throws {
    try directory(path)
    var current = open(self.path(path), O_RDONLY | O_DIRECTORY)
    try made(path, current)
    defer { close(current) }
    for level in 0..<levels {
      try file(named: Array("file-\(level)".utf8), bytes: 1, in: current, below: "")
      try made("side", mkdirat(current, "side", 0o755))
      try made(name, mkdirat(current, name, 0o755))
      let next = openat(current, name, O_RDONLY | O_DIRECTORY)
      try made(name, next)
      close(current)
      current = next
    }
  }

  private func file(named name: [UInt8], bytes: Int, in parent: Int32, below prefix: String) throws {
    let path = (Array(prefix.utf8) + name + [0]).map { CChar(bitPattern: $0) }
    let number = openat(parent, path, O_CREAT | O_WRONLY | O_EXCL, 0o644)
    try made(String(decoding: name, as: UTF8.self), number)
    defer { close(number) }
    try made(String(decoding: name, as: UTF8.self), ftruncate(number, off_t(bytes)))
  }

  private func made(_ what: String, _ result: Int32) throws {
    guard result >= 0 else { throw CannotMake(what: what, errno: errno) }
  }
}

extension TestTree {
  /// Directories of every shape, `flat` entries in the widest.
  public func makeEveryShape(flat: Int = 10_000) throws {
    for name in ["empty", "flat", "a", "a/b", "a/b/c", "many"] { try directory(name) }
    for index in 0..<flat { try file("flat/entry \(index)", bytes: index % 7) }
    for index in 0..<300 {
      try directory("many/\(index)")
      try file("many/\(index)/f")
    }
    try chain("deep", levels: 300, name: "d")
    try file(named: [0xff, 0xfe, 0x80])
    try file(named: Array("two\nlines\u{1b}[31m".utf8))
    try file(named: Array(repeating: UInt8(ascii: "n"), count: 255), bytes: 12)
    try file("..dots")
    try file(".x")
    try makeNamesOfDirectories()
    try file("a/.hidden")
    try makeLinksAndSpecials()
  }

  /// Names that only bytes can hold, of directories.
  private func makeNamesOfDirectories() throws {
    for name in [[0xc3, 0x28], Array("new\nline".utf8), Array(repeating: 0xfe, count: 255)] as [[UInt8]] {
      try directory(named: name)
      try file(named: name + Array("/inside".utf8), bytes: 3)
    }
  }

  private func makeLinksAndSpecials() throws {
    try symlink("a/link-to-directory", to: "../flat")
    try symlink("a/link-to-itself", to: "link-to-itself")
    try symlink("a/link-to-outside", to: "/etc")
    try symlink("a/dangling", to: "nothing")
    try fifo("a/b/fifo")
    try socket("a/b/socket")
    try file("a/b/original", bytes: 5)
    try hardLink("a/b/c/second name", to: "a/b/original")
    try file("old")
    let old = [timespec(tv_sec: -1000, tv_nsec: 0), timespec(tv_sec: -1000, tv_nsec: 0)]
    try made("old", utimensat(AT_FDCWD, path("old"), old, 0))
  }
}
