import Foundation
import TestSupport
import Testing

extension Faults {
  /// A link that is followed to a place to which the walk does not come otherwise.
  @Suite struct FaultyLinkTests {
    @Test func `what a link leads to stays while the link, or what is behind it, cannot be read`() async throws {
      try await inTurn {
        let scene = try FaultyScene(rules: ["--symlinks", "follow", "--ignore", "hidden"])
        try scene.tree.directory("hidden")
        for index in 0..<10 { try scene.tree.file("hidden/\(index)") }
        try scene.tree.symlink("link", to: "hidden")
        try scene.worker()
        let first = try scene.deployment.scan()
        let before = try scene.rows()
        scene.require("status", first.status, "completed")
        scene.require("a file behind the link is a row", before["link/3"] != nil, true)
        for (fault, error) in [
          (Fault(.readlink, "link", .fails(EIO)), "link readlinkat 5 io_error"),
          (Fault(.stat, "hidden", .fails(ESTALE)), "link statx 116 stale_handle"),
          (Fault(.open, "hidden", .fails(EACCES)), "link openat 13 permission_denied"),
          (Fault(.list, "hidden", .fails(EIO)), "link getdents64 5 io_error"),
        ] {
          let scan = try scene.scan(under: [fault])
          scene.require("status", scan.status, "partial")
          scene.require("errors", try scene.errors(of: scan), [error])
          try scene.expectNothingStaged()
          let now = try scene.rows()
          for (path, row) in before where path.hasPrefix("link/") { scene.require(path, now[path], row) }
          try scene.settle(fault.line)
        }
        let scan = try scene.deployment.scan()
        scene.require("status", scan.status, "completed")
        scene.require("errors", try scene.errors(of: scan), [])
        scene.require("rows", try scene.rows(), before)
        try scene.settle("at the end")
      }
    }
  }
}
