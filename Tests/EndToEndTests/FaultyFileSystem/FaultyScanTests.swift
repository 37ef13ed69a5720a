import Foundation
import TestSupport
import Testing

extension Faults {
  /// System calls that fail or lie, through the program itself: in a first scan and in later ones. Nothing that
  /// exists is removed, the rest of the tree is right, and so is all of it when the fault is over.
  @Suite struct FaultyScanTests {
    @Test(arguments: FaultyCase.unread)
    func `a directory that cannot be read to its end is an error, and what is known of it stays`(
      fault: FaultyCase
    ) async throws {
      try await inTurn { try Self.scan(under: fault) }
    }

    @Test(arguments: FaultyCase.unseen)
    func `an entry that cannot be looked at is an error, and what is known of it stays`(
      fault: FaultyCase
    ) async throws {
      try await inTurn { try Self.scan(under: fault) }
    }

    @Test(arguments: FaultyCase.lies)
    func `what is there and not shown for once is not gone, and is found by the next scan`(
      fault: FaultyCase
    ) async throws {
      try await inTurn { try Self.scan(under: fault) }
    }

    @Test(arguments: FaultyCase.lost)
    func `what is not listed, and cannot be looked for, is not gone`(fault: FaultyCase) async throws {
      try await inTurn {
        let scene = try FaultyScene()
        try scene.worker()
        try scene.expectHealthyScan()
        try scene.expectLaterScans(under: fault)
      }
    }

    @Test(arguments: FaultyCase.busy)
    func `what is interrupted, refused once or given in pieces is right all the same`(
      fault: FaultyCase
    ) async throws {
      try await inTurn { try Self.scan(under: fault, isExact: true) }
    }

    /// A first scan with the fault, one without; two later ones with it, one without.
    ///
    /// - Parameter isExact: the fault does no harm at all.
    private static func scan(under fault: FaultyCase, isExact: Bool = false) throws {
      let scene = try FaultyScene()
      try scene.worker()
      let first = try scene.scan(under: fault.faults)
      try scene.expect(first, fault, "a first scan")
      if isExact { try scene.expectExact(first) }
      try scene.expectHealthyScan()
      try scene.expectLaterScans(under: fault, areExact: isExact)
    }
  }
}

/// What fails, and what a scan says of it.
struct FaultyCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let faults: [Fault]
  let status: String
  /// As `FaultyScene.errors`.
  let errors: [String]
  /// What is gone from the faulty directory can be seen to be.
  let isRead: Bool
}

extension FaultyScene {
  /// Two scans with the fault of a library that is known, and one without.
  fileprivate func expectLaterScans(under fault: FaultyCase, areExact: Bool = false) throws {
    let before = try rows()
    try changeTree()
    // Again and again: no scan forgets what the last one has spared.
    for _ in 0..<2 {
      let scan = try scan(under: fault.faults)
      try expectKept(before, unless: fault.isRead ? ["before/gone", "faulty/file 33"] : ["before/gone"])
      try expect(scan, fault, "a later scan")
      if areExact { try expectExact(scan) }
    }
    try expectHealthyScan()
    try expectKept(before, unless: ["before/gone", "faulty/file 33"])
    try settle("at the end")
  }

  fileprivate func expect(_ scan: ScanResult, _ fault: FaultyCase, _ what: String) throws {
    require("status", scan.status, fault.status)
    require("errors", try errors(of: scan), fault.errors)
    require("errors_count", scan.errorsCount, Int64(fault.errors.count))
    let now = try rows()
    for path in ["top", "before/3", "later/3"] where now[path] == nil { require(path, "no row", "a row") }
    try expectNothingStaged()
    try settle(what)
  }

  /// Every row is as it was, with its id, but for what has really gone and could be seen to have.
  func expectKept(_ before: [String: String], unless gone: Set<String>) throws {
    let now = try rows()
    for (path, row) in before where !gone.contains(path) { require(path, now[path], row) }
    for path in gone { require(path, now[path], nil) }
  }
}
