import FileTree
import Foundation
import ScanModel
import TestSupport
import Testing

/// A tree, what a walk has found in it, and a second look at names of it.
private struct SecondLook {
  let tree: TestTree
  let sink = RecordingSink()

  init() throws { tree = try TestTree() }

  func walk() throws { _ = try FileTreeTests.walk(tree, into: sink) }

  /// Whether each of the paths is gone; one that ends in a slash is known as a directory.
  func areGone(
    _ paths: String..., mounts: RecordedMounts = RecordedMounts(), lostMount: (Int64, String) -> Void = { _, _ in }
  ) throws -> [Bool] {
    let names = try paths.map { path in
      let components = path.split(separator: "/")
      let parent = components.dropLast().joined(separator: "/")
      return AbsentName(
        directory: try #require(sink.id(of: parent)), name: Array(try #require(components.last).utf8),
        isDirectory: path.hasSuffix("/"))
    }
    let directories = sink.frontier(names.map(\.directory)).directories.map {
      // As the catalogue knows it.
      Frontier.Directory(id: $0.id, parent: $0.parent, name: $0.name)
    }
    return try AbsenceCheck(rootPath: Array(tree.root.utf8), mounts: MountWatch(mounts)).areGone(
      names, in: Frontier(directories: directories, visits: []), lostMount: lostMount)
  }
}

extension SecondLook {
  /// A library in which something is on record of a directory that is not there.
  fileprivate func recorded(_ path: String) throws -> RecordedMounts {
    var places: [Int64: RecordedMounts.Place] = [:]
    let names = path.split(separator: "/").map(String.init)
    for end in 1...names.count {
      let id = try #require(sink.id(of: names[..<end].joined(separator: "/")))
      let parent = try #require(sink.id(of: names[..<(end - 1)].joined(separator: "/")))
      places[id] = RecordedMounts.Place(parent: parent, name: Array(names[end - 1].utf8))
    }
    let id = try #require(sink.id(of: path))
    return RecordedMounts(
      library: "my films", host: "h", nested: [id: RecordedMount(directory: id, own: .elsewhere, hasRows: true)],
      places: places)
  }
}

extension MountRecord {
  fileprivate static var elsewhere: MountRecord {
    MountRecord(identity: MountIdentity(type: "ext4", uuid: "u", fsid: nil, inode: 3))
  }
}

@Suite struct AbsenceCheckTests {
  @Test func `only what is seen is there, and what cannot be told is neither there nor gone`() throws {
    let look = try SecondLook()
    try look.tree.directory("d")
    try look.tree.file("d/file")
    try look.walk()
    var status = stat()
    try #require(lstat(look.tree.path("d"), &status) == 0)
    let inode = UInt64(status.st_ino)
    let check = AbsenceCheck(rootPath: look.tree.root)
    func sight(_ directory: String, _ name: String, birth: DirectoryBirth? = nil) throws -> [Bool] {
      let absent = AbsentName(
        directory: try #require(look.sink.id(of: directory)), name: Array(name.utf8), isDirectory: birth != nil,
        birth: birth)
      let frontier = look.sink.frontier([absent.directory])
      return try check.areThere([absent], in: frontier) + check.areGone([absent], in: frontier)
    }
    #expect(try sight("d", "file") == [true, false])
    #expect(try sight("d", "nothing") == [false, true])
    // Without a birth time on either side the inode tells.
    #expect(try sight("", "d", birth: DirectoryBirth(inode: inode, btime_ns: nil)) == [true, false])
    #expect(try sight("", "d", birth: DirectoryBirth(inode: inode + 1, btime_ns: nil)) == [false, true])
    #expect(try sight("", "d", birth: DirectoryBirth(inode: inode, btime_ns: 1)) == [false, true])
    #expect(try sight("d", "file", birth: DirectoryBirth(inode: inode, btime_ns: nil)) == [false, true])
    // A name that is longer than any can be is refused, which tells nothing.
    #expect(try sight("d", String(repeating: "x", count: 256)) == [false, false])
  }

  @Test func `what is there is not gone, and what is not is`() throws {
    let look = try SecondLook()
    for name in ["a", "a/b", "gone"] { try look.tree.directory(name) }
    for name in ["f", "a/b/f"] { try look.tree.file(name) }
    try look.tree.symlink("dangling", to: "nothing")
    try look.walk()
    rmdir(look.tree.path("gone"))
    #expect(
      try look.areGone("f", "g", "a/b/f", "a/b/g", "a/", "gone/", "dangling", "a/x/")
        == [false, true, false, true, false, true, false, true])
  }

  /// As a directory has it whose name another one has taken.
  @Test func `what lies below a name that no file system has is gone, and not looked for above it`() throws {
    let look = try SecondLook()
    try look.tree.directory("a")
    for name in ["a/f", "g"] { try look.tree.file(name) }
    let directories: [Frontier.Directory] = [
      .init(id: 1, parent: nil, name: []), .init(id: 2, parent: 1, name: Array("a".utf8)),
      .init(id: 3, parent: 2, name: [0, 1] + Array("a".utf8)), .init(id: 4, parent: 3, name: Array("a".utf8)),
      .init(id: 5, parent: 1, name: [0, 2]),
    ]
    let names = [3, 4, 5].map { AbsentName(directory: $0, name: Array(($0 == 5 ? "g" : "f").utf8), isDirectory: false) }
    let check = AbsenceCheck(rootPath: look.tree.root)
    #expect(try check.areGone(names, in: Frontier(directories: directories, visits: [])) == [true, true, true])
    let stamps = try StampCheck(rootPath: look.tree.root).attributes(
      of: Frontier(directories: directories, visits: [2, 3, 4, 5]))
    #expect(stamps.keys.sorted() == [2])
  }

  @Test func `what lay on a mount that is missing is not gone, and the mount is told of once`() throws {
    let look = try SecondLook()
    for name in ["a", "a/b", "a/b/c", "d"] { try look.tree.directory(name) }
    try look.walk()
    let mounts = try look.recorded("a/b")
    var lost: [Int64] = []
    let areGone = try look.areGone("a/g", "a/b/g", "a/b/c/g", "a/b/h", "d/g", mounts: mounts) { id, reason in
      lost.append(id)
      #expect(reason.contains("mount point a/b on host h is another file system: expected ext4 u (inode 3)"))
      #expect(reason.contains("`rollcall library set 'my films' --accept-root`"))
    }
    #expect(areGone == [true, false, false, false, true])
    #expect(lost == [look.sink.id(of: "a/b")])
  }

  @Test func `a recorded mount point is not gone, nor is what leads to one`() throws {
    let look = try SecondLook()
    for name in ["a", "a/b", "d"] { try look.tree.directory(name) }
    try look.walk()
    let mounts = try look.recorded("a/b")
    for name in ["a/b", "a", "d"] { rmdir(look.tree.path(name)) }
    var reasons: [String] = []
    #expect(try look.areGone("a/", "d/", "a/b/", mounts: mounts) { reasons.append($1) } == [false, true, false])
    #expect(reasons.count == 1)
    #expect(reasons[0].hasPrefix("mount point a/b on host h is not there any more"))
  }

  @Test func `on a mount that is still there, what is gone is gone`() throws {
    let sink = RecordingSink()
    let watch = MountWatch()
    _ = try TreeWalker(rootPath: "/dev", oneFilesystem: false, mounts: watch).run(
      .root(id: RecordingSink.root), limits: WalkLimits(), into: sink)
    let shared = try #require(sink.id(of: "shm"))
    let directories = sink.frontier([shared]).directories.map {
      Frontier.Directory(id: $0.id, parent: $0.parent, name: $0.name)
    }
    let found = try #require(watch.findings.first { $0.directory == shared })
    let mounts = RecordedMounts(nested: [shared: RecordedMount(directory: shared, own: found.record, hasRows: true)])
    let name = AbsentName(directory: shared, name: Array("no such name".utf8), isDirectory: false)
    #expect(
      try AbsenceCheck(rootPath: "/dev", mounts: MountWatch(mounts)).areGone(
        [name], in: Frontier(directories: directories, visits: [])) == [true])
  }

  @Test func `a name of the other sort is gone`() throws {
    let look = try SecondLook()
    for name in ["d", "e"] { try look.tree.directory(name) }
    try look.tree.file("f")
    try look.tree.symlink("l", to: "e")
    try look.walk()
    #expect(try look.areGone("d", "d/", "f", "f/", "l", "l/") == [true, false, false, true, false, true])
  }

  @Test(arguments: ["nothing", "link", "file"])
  func `with a directory goes all that was known below it, whatever took its place`(kind: String) throws {
    let look = try SecondLook()
    for name in ["a", "a/b", "a/b/c"] { try look.tree.directory(name) }
    for name in ["a/f", "a/b/c/f"] { try look.tree.file(name) }
    try look.walk()
    rename(look.tree.path("a"), look.tree.outside("moved"))
    switch kind {
    case "link": try look.tree.symlink("a", to: look.tree.outside("moved"))
    case "file": try look.tree.file("a")
    default: break
    }
    #expect(try look.areGone("a/f", "a/b/c/f", "a/b/c/", "a/") == [true, true, true, true])
  }

  @Test func `what lies hundreds of levels down, on paths longer than any call takes, is found`() throws {
    let look = try SecondLook()
    let name = String(repeating: "n", count: 50)
    try look.tree.chain("deep", levels: 300, name: name)
    try look.walk()
    let deepest = try #require(look.sink.visits.max { $0.count < $1.count })
    #expect(deepest.count > 4096)
    let path = String(decoding: deepest, as: UTF8.self)
    #expect(try look.areGone(path + "/", path + "/nothing", "deep/nothing") == [false, true, true])
  }

  @Test func `a root that is another directory proves nothing`() throws {
    let look = try SecondLook()
    try look.walk()
    #expect {
      try look.areGone("f", mounts: RecordedMounts(root: RecordedMount(directory: 1, own: .elsewhere, hasRows: true)))
    } throws: { error in
      guard case WalkError<Never>.rootRefused(let reason) = error else { return false }
      return reason.hasPrefix(
        "root \(look.tree.root) on host  is another file system: expected ext4 u (inode 3), there is ")
    }
    rename(look.tree.root, look.tree.outside("elsewhere"))
    #expect {
      try look.areGone("f")
    } throws: { error in
      guard case WalkError<Never>.rootUnavailable = error else { return false }
      return true
    }
  }

  @Test func `a root that is replaced meanwhile proves nothing`() throws {
    let look = try SecondLook()
    try look.walk()
    let tree = look.tree
    let check = AbsenceCheck(rootPath: Array(tree.root.utf8)) {
      rename(tree.root, tree.outside("elsewhere"))
      mkdir(tree.root, 0o755)
      return false
    }
    #expect {
      try check.areGone(
        [AbsentName(directory: 1, name: [65], isDirectory: false)], in: .root(id: 1))
    } throws: { error in
      guard case WalkError<Never>.rootReplaced = error else { return false }
      return true
    }
  }

  @Test(arguments: ["", ".", "..", "../x", "a/b", "a\0"])
  func `a name that no directory can have is refused`(name: String) throws {
    let look = try SecondLook()
    let names = [AbsentName(directory: 1, name: Array(name.utf8), isDirectory: false)]
    #expect {
      try AbsenceCheck(rootPath: Array(look.tree.root.utf8)).areGone(names, in: .root(id: 1))
    } throws: { error in
      guard case WalkError<Never>.brokenFrontier(1) = error else { return false }
      return true
    }
  }

  @Test func `a check that is aborted answers nothing`() throws {
    let look = try SecondLook()
    let check = AbsenceCheck(rootPath: Array(look.tree.root.utf8)) { true }
    #expect {
      try check.areGone([AbsentName(directory: 1, name: [65], isDirectory: false)], in: .root(id: 1))
    } throws: { error in
      guard case WalkError<Never>.aborted = error else { return false }
      return true
    }
  }

  /// In a process of its own, which gives up root's power over files.
  @Test func `what may not be looked at is not gone`() async {
    await #expect(processExitsWith: .success) {
      let look = try SecondLook()
      for name in ["closed", "closed/inner"] { try look.tree.directory(name) }
      try look.tree.file("closed/file")
      try look.walk()
      unlink(look.tree.path("closed/file"))
      chmod(look.tree.path("closed"), 0o444)
      let answers = try asOrdinaryUser {
        try look.areGone("closed/file", "closed/inner/", "closed/inner/deeper", "closed/", "other")
      }
      chmod(look.tree.path("closed"), 0o755)
      #expect(answers == [false, false, false, false, true])
    }
  }
}
