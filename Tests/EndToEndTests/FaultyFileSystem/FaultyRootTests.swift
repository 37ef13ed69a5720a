import Foundation
import TestSupport
import Testing

extension Faults {
  /// Errors at the root itself. Whatever it is, nothing at all is called gone.
  @Suite struct FaultyRootTests {
    @Test(arguments: RootFault.all)
    func `an error at the root removes nothing, is told, and is over when it is over`(fault: RootFault) async throws {
      try await inTurn {
        let scene = try FaultyScene()
        try scene.worker()
        try scene.expectHealthyScan()
        let before = try scene.rows()
        try scene.changeTree()
        for _ in 0..<2 {
          let scan = try scene.scan(under: fault.faults)
          // What has gone cannot be seen; what has come can where the listing got so far.
          try scene.expectKept(before, unless: [])
          scene.require("status", scan.status, fault.status)
          scene.require("errors", try scene.errors(of: scan), fault.errors)
          let message = scan.errorMessage ?? ""
          let root = scene.tree.root
          scene.require(
            "'\(message)' has a begin", message.hasPrefix(fault.message.replacing("ROOT", with: root)), true)
          try scene.expectNothingStaged()
          try scene.settle("a scan")
        }
        try scene.expectHealthyScan()
        try scene.expectKept(before, unless: ["before/gone", "faulty/file 33"])
        try scene.settle("at the end")
      }
    }

    @Test(arguments: [ENOENT, ENOTDIR, EIO])
    func `one error at the root, wherever it meets a scan, removes nothing`(errno: Int32) async throws {
      try await inTurn {
        let scene = try FaultyScene()
        try scene.tree.directory("leaving")
        for index in 0..<Self.mostErrors { try scene.tree.file("leaving/\(index)") }
        try scene.worker()
        try scene.expectHealthyScan()
        let before = try scene.rows().filter { !$0.key.hasPrefix("leaving/") }
        for (place, call) in [Fault.Call.open, .stat].enumerated() {
          // One call later each time, until a scan is over before.
          for number in 1...Self.mostErrors / 2 {
            // So that there is something to look for again, and to remove.
            unlink(scene.tree.path("leaving/\(place * Self.mostErrors / 2 + number - 1)"))
            try scene.fileSystem.plan([Fault(call, ".", .fails(errno), .only(number))])
            let scan = try scene.deployment.scan()
            try scene.expectKept(before, unless: [])
            try scene.expectNothingStaged()
            try scene.settle("error \(number) of \(call): a scan that is \(scan.status)")
            if try !scene.fileSystem.unstruck().isEmpty { break }
          }
        }
        try scene.fileSystem.plan([])
        try scene.expectHealthyScan()
        try scene.expectKept(before, unless: [])
        try scene.settle("at the end")
      }
    }

    /// More than a scan of such a tree has calls at its root.
    private static let mostErrors = 60
  }
}

/// What fails at the root, and what a scan says of it.
struct RootFault: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let faults: [Fault]
  let status: String
  /// As `FaultyScene.errors`.
  var errors: [String] = []
  /// How the scan's message begins.
  var message = ""

  static let all = listings + openings

  private static let pieces = Fault(.list, ".", .short(64))

  private static let listings = [
    RootFault(
      testDescription: "EIO at once", faults: [Fault(.list, ".", .fails(EIO))], status: "partial",
      errors: ["getdents64 5 io_error"]),
    RootFault(
      testDescription: "EIO in the middle", faults: [pieces, Fault(.list, ".", .fails(EIO), .begun)],
      status: "partial", errors: ["getdents64 5 io_error"]),
    RootFault(
      testDescription: "ESTALE in the middle", faults: [pieces, Fault(.list, ".", .fails(ESTALE), .begun)],
      status: "partial", errors: ["getdents64 116 stale_handle"]),
    RootFault(
      testDescription: "ENOTDIR at once", faults: [Fault(.list, ".", .fails(ENOTDIR))], status: "partial",
      errors: ["getdents64 20 io_error"]),
  ]

  private static let openings = [
    RootFault(testDescription: "EIO at opening", opened: EIO, "mount_missing: root ROOT cannot be read: openat"),
    RootFault(testDescription: "ESTALE at opening", opened: ESTALE, "mount_missing: root ROOT cannot be read: openat"),
    RootFault(
      testDescription: "ENOTDIR at opening", opened: ENOTDIR, "mount_missing: root ROOT cannot be read: openat"),
    RootFault(
      testDescription: "EACCES at opening", opened: EACCES, "permission_denied: root ROOT cannot be read: openat"),
    RootFault(testDescription: "ENOENT at opening", opened: ENOENT, "mount_missing: root ROOT"),
    RootFault(
      testDescription: "EIO at looking", faults: [Fault(.stat, ".", .fails(EIO))], status: "failed",
      message: "mount_missing: root ROOT cannot be read: statx"),
  ]

  private init(
    testDescription: String, faults: [Fault], status: String, errors: [String] = [], message: String = ""
  ) {
    (self.testDescription, self.faults, self.status) = (testDescription, faults, status)
    (self.errors, self.message) = (errors, message)
  }

  private init(testDescription: String, opened errno: Int32, _ message: String) {
    self.init(
      testDescription: testDescription, faults: [Fault(.open, ".", .fails(errno))], status: "failed", message: message)
  }
}
