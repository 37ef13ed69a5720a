import Glibc

extension FaultyCase {
  static let all = listings
  /// In pieces, so that a listing has a middle.
  private static let pieces = Fault(.list, "faulty", .short(512))

  private static let listings: [FaultyCase] = [
    FaultyCase(
      "EIO in the middle of a listing", [pieces, Fault(.list, "faulty", .fails(EIO), .begun)],
      "faulty getdents64 5 io_error"),
    FaultyCase(
      "ESTALE in the middle of a listing", [pieces, Fault(.list, "faulty", .fails(ESTALE), .begun)],
      "faulty getdents64 116 stale_handle"),
    FaultyCase("EIO at once", [Fault(.list, "faulty", .fails(EIO))], "faulty getdents64 5 io_error"),
    FaultyCase(
      "EACCES at opening a directory", [Fault(.open, "faulty", .fails(EACCES))],
      "faulty openat 13 permission_denied"),
  ]

  /// A directory that is not read to its end.
  private init(_ name: String, _ faults: [Fault], _ error: String) {
    self.init(testDescription: name, faults: faults, status: "partial", errors: [error], isRead: false)
  }
}
