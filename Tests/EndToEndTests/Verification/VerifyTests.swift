import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// `verify` after scans: equal, exactly what is different, and equal again.
  @Suite struct VerifyTests {
    static let rules: [[String]] = [
      [], ["--layout", "category/course"], ["--symlinks", "skip"], ["--one-filesystem"],
      ["--symlinks", "follow", "--ignore", "/many/"],
      ["--ignore", "entry *7", "--ignore", "/deep/d/d/", "--extensions", "dots,x,hidden,mp4", "--rejected", "skip"],
      ["--max-size", "4", "--rejected", "skip", "--max-files-per-second", "100000"],
    ]

    @Test(arguments: rules)
    func `a tree of every shape is equal to its catalogue`(_ rules: [String]) throws {
      let tree = try TestTree()
      try tree.makeEveryShape(flat: 1_000)
      try tree.symlink("into-many", to: "many/7")
      try tree.symlink("a/to-a-file-of-many", to: "../many/8/f")
      let deployment = try TestDeployment()
      try deployment.succeed(["library", "add", "x", tree.root] + rules)
      let worker = try deployment.worker()
      let scan = try deployment.scan()
      // A link that leads nowhere is an error of a scan that follows, and no difference.
      #expect(scan.status == (rules.contains("follow") ? "partial" : "completed"))
      try deployment.expectEqual()
      let verified = try deployment.verify()
      #expect(verified.code == 0 && verified.elements.isEmpty)
      #expect(verified.summary.hasPrefix("Library x: "))
      // The catalogue that verify knows is the one that it tells.
      try tree.file("flat/dots.x")
      try deployment.expectDifferences(["unknown file flat/dots.x"])
      #expect(try deployment.scan().filesAdded == 1)
      try deployment.expectEqual()
      #expect(worker.isRunning)
    }

    struct Change: CustomTestStringConvertible {
      let testDescription: String
      let differences: [String]
      let make: @Sendable (TestTree) throws -> Void

      init(_ what: String, _ differences: [String], _ make: @escaping @Sendable (TestTree) throws -> Void) {
        (testDescription, self.differences, self.make) = (what, differences, make)
      }
    }

    static let changes: [Change] = [
      Change("added", ["unknown file a/new", "unknown directory b/new"]) {
        try $0.file("a/new")
        try $0.directory("b/new")
        try $0.file("b/new/inside")
      },
      Change("added, of other kinds", ["unknown fifo b/p", "unknown symlink b/l", "unknown socket b/s"]) {
        try $0.fifo("b/p")
        try $0.symlink("b/l", to: "nothing")
        try $0.socket("b/s")
      },
      Change("deleted", ["missing file a/1", "missing symlink a/link", "missing fifo a/pipe"]) {
        for name in ["1", "link", "pipe"] { remove($0.path("a/" + name)) }
      },
      Change("grown", ["changed file a/1 size,mtime_ns,ctime_ns"]) {
        try run(["sh", "-c", #"echo more >> "$0""#, $0.path("a/1")])
      },
      Change(
        "edited in place, its times put back", ["changed file a/1 ctime_ns", "changed directory a mtime_ns,ctime_ns"]
      ) {
        try run([
          "sh", "-ec", #"touch -r "$0" "$0.r"; printf xxxxx > "$0"; touch -r "$0.r" "$0"; rm "$0.r""#, $0.path("a/1"),
        ])
      },
      Change("chmod", ["changed file a/1 ctime_ns,mode", "changed directory b ctime_ns,mode"]) {
        chmod($0.path("a/1"), 0o600)
        chmod($0.path("b"), 0o700)
      },
      Change("a hard link", ["changed file a/1 ctime_ns", "unknown file b/linked"]) {
        try $0.hardLink("b/linked", to: "a/1")
      },
      Change(
        "renamed, and back",
        [
          "changed file b/2 ctime_ns", "changed directory b mtime_ns,ctime_ns", "missing file a/1",
          "unknown file a/one",
        ]
      ) {
        rename($0.path("a/1"), $0.path("a/one"))
        rename($0.path("b/2"), $0.path("b/two"))
        rename($0.path("b/two"), $0.path("b/2"))
      },
      Change("renamed directory", ["missing directory c 3", "unknown directory see"]) {
        rename($0.path("c"), $0.path("see"))
      },
      Change("renamed over", ["changed file a/2 …", "missing file a/1"]) { rename($0.path("a/1"), $0.path("a/2")) },
      Change("another kind", ["changed fifo a/pipe …"]) {
        remove($0.path("a/pipe"))
        try $0.file("a/pipe")
      },
      Change("a directory in a file's place", ["missing file a/1", "unknown directory a/1"]) {
        remove($0.path("a/1"))
        try $0.directory("a/1")
      },
      Change("a file in a directory's place", ["missing directory c 3", "unknown file c"]) {
        try run(["rm", "-r", $0.path("c")])
        try $0.file("c")
      },
      Change("a link in a directory's place", ["missing directory c 3", "unknown symlink c"]) {
        rename($0.path("c"), $0.outside("c"))
        try $0.symlink("c", to: "../c")
      },
      Change("a directory gone", ["missing directory c/d 2", "missing directory empty 0"]) {
        try run(["rm", "-r", $0.path("c/d"), $0.path("empty")])
      },
      Change(
        "another directory of that name", ["changed directory c …", "missing directory c/d 2", "missing file c/1"]
      ) {
        rename($0.path("c"), $0.outside("c"))
        try $0.directory("c")
      },
      Change("names of any bytes", [#"missing file \xff\xfe\x80"#, "unknown file \u{1b}[31m\n\\"]) {
        try run(["sh", "-ec", #"cd "$0"; rm "$(printf '\377\376\200')""#, $0.root])
        try $0.file("\u{1b}[31m\n\\")
      },
    ]

    private static func fill(_ tree: TestTree) throws {
      for name in ["a", "b", "c", "c/d", "c/d/e", "empty"] { try tree.directory(name) }
      for name in ["a/1", "a/2", "b/1", "b/2", "c/1", "c/d/1", "c/d/e/1"] { try tree.file(name, bytes: 5) }
      try tree.symlink("a/link", to: "1")
      try tree.fifo("a/pipe")
      try tree.file(named: [0xff, 0xfe, 0x80])
    }

    @Test func `each change of the tree is told, and nothing else; a rescan makes it equal`() throws {
      let tree = try TestTree()
      let deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
      let worker = try deployment.worker()
      for change in Self.changes {
        try Self.fill(tree)
        #expect(try deployment.scan().status == "completed", "\(change.testDescription)")
        try deployment.expectEqual()
        try change.make(tree)
        try deployment.expectDifferences(change.differences, of: change.testDescription)
        #expect(try deployment.scan().status == "completed")
        try deployment.expectEqual()
        try run(["sh", "-ec", #"find "$0" -mindepth 1 -delete; rm -rf "$0/../c""#, tree.root])
      }
      #expect(worker.isRunning)
    }
  }
}
