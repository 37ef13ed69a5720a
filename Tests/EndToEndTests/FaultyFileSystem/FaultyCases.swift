import Glibc

extension FaultyCase {
  /// In pieces, so that a listing has a middle.
  private static let pieces = Fault(.list, "faulty", .short(512))

  /// A directory that is not read to its end.
  static let unread = [
    FaultyCase("EIO at once", unread: [Fault(.list, "faulty", .fails(EIO))], "faulty getdents64 5 io_error"),
    FaultyCase(
      "EIO in the middle of a listing", unread: [pieces, Fault(.list, "faulty", .fails(EIO), .begun)],
      "faulty getdents64 5 io_error"),
    FaultyCase(
      "ESTALE in the middle of a listing", unread: [pieces, Fault(.list, "faulty", .fails(ESTALE), .begun)],
      "faulty getdents64 116 stale_handle"),
    FaultyCase(
      "ENOTDIR in the middle of a listing", unread: [pieces, Fault(.list, "faulty", .fails(ENOTDIR), .begun)],
      "faulty getdents64 20 io_error"),
    FaultyCase(
      "ENOENT in the middle of a listing", unread: [pieces, Fault(.list, "faulty", .fails(ENOENT), .begun)],
      "faulty getdents64 2 file_not_found"),
    FaultyCase(
      "EACCES at opening", unread: [Fault(.open, "faulty", .fails(EACCES))], "faulty openat 13 permission_denied"),
    FaultyCase("ESTALE at opening", unread: [Fault(.open, "faulty", .fails(ESTALE))], "faulty openat 116 stale_handle"),
    FaultyCase("EMFILE at opening", unread: [Fault(.open, "faulty", .fails(EMFILE))], "faulty openat 24 io_error"),
    FaultyCase(
      "ENOENT at opening", unread: [Fault(.open, "faulty", .fails(ENOENT))], "faulty openat 2 file_not_found"),
    // As if something else had taken its place.
    FaultyCase("ENOTDIR at opening", unread: [Fault(.open, "faulty", .fails(ENOTDIR))], "faulty changed_during_scan"),
    // As if a link had.
    FaultyCase("ELOOP at opening", unread: [Fault(.open, "faulty", .fails(ELOOP))], "faulty openat 40 path_traversal"),
  ]

  /// An entry that cannot be looked at, or not be told.
  static let unseen = [
    FaultyCase("EIO of a directory", unread: [Fault(.stat, "faulty", .fails(EIO))], "faulty statx 5 io_error"),
    FaultyCase("EIO of a file", [Fault(.stat, "faulty/file 20", .fails(EIO))], "faulty/file 20 statx 5 io_error"),
    FaultyCase(
      "a time far in the future", [Fault(.stat, "faulty/file 20", .modified(1 << 40))],
      "faulty/file 20 timestamp_out_of_range"),
    FaultyCase(
      "a directory's time far in the future", [Fault(.stat, "faulty", .modified(1 << 40))],
      "faulty timestamp_out_of_range"),
    // The name is listed, again and again, and nothing is there.
    FaultyCase(
      "ENOENT of a file", [Fault(.stat, "faulty/file 20", .fails(ENOENT))], "faulty/file 20 statx 2 file_not_found"),
    FaultyCase(
      "ENOENT of a directory", [Fault(.stat, "faulty/below", .fails(ENOENT))], "faulty/below statx 2 file_not_found"),
  ]

  /// What is there, and is not shown for once, or twice.
  static let lies = [
    FaultyCase("ENOENT once at opening", [Fault(.open, "faulty", .fails(ENOENT), .only(1))]),
    FaultyCase("ENOENT once at looking at a file", [Fault(.stat, "faulty/file 20", .fails(ENOENT), .only(1))]),
    FaultyCase("ENOENT once at looking at a directory", [Fault(.stat, "faulty/below", .fails(ENOENT), .only(1))]),
    FaultyCase("a file that is not listed", [Fault(.list, "faulty", .skips("file 20"))]),
    FaultyCase("a directory that is not listed", [Fault(.list, "faulty", .skips("below"))]),
    FaultyCase("names that are not listed", [pieces, Fault(.list, "faulty", .skips("*1*"))]),
    FaultyCase("an empty listing", [Fault(.list, "faulty", .ends)]),
    FaultyCase("a listing that ends in its middle", [pieces, Fault(.list, "faulty", .ends, .begun)]),
    FaultyCase("a file that is listed twice", [Fault(.list, "faulty", .repeats("file 20"))]),
    FaultyCase("a directory that is listed twice", [Fault(.list, "faulty", .repeats("below"))]),
  ]

  /// What is known, not listed, and cannot be looked for either.
  static let lost = [
    FaultyCase(
      "a file", [Fault(.list, "faulty", .skips("file 20")), Fault(.stat, "faulty/file 20", .fails(EIO))]),
    FaultyCase(
      "a directory", [Fault(.list, "faulty", .skips("below")), Fault(.stat, "faulty/below", .fails(ESTALE))]),
    FaultyCase(
      "what lies in a directory", [Fault(.list, "faulty", .ends), Fault(.open, "faulty", .fails(EIO), .from(2))],
      isRead: false),
    FaultyCase(
      "what lies in one that is said not to be there",
      [Fault(.list, "faulty", .ends), Fault(.open, "faulty", .fails(ENOENT), .from(2))], isRead: false),
    FaultyCase(
      "what lies in one that is said to be none",
      [Fault(.list, "faulty", .ends), Fault(.open, "faulty", .fails(ENOTDIR), .from(2))], isRead: false),
  ]

  /// What only takes longer.
  static let busy = [
    FaultyCase("EMFILE once", [Fault(.open, "faulty", .fails(EMFILE), .only(1))]),
    FaultyCase(
      "EINTR three times of four", [.open, .list, .stat].map { Fault($0, "*", .fails(EINTR), .mostly(3, of: 4)) }),
    FaultyCase("listings in small pieces", [Fault(.list, "*", .short(300))]),
  ]

  private init(_ name: String, unread faults: [Fault], _ error: String) {
    self.init(name, faults, error, isRead: false)
  }

  private init(_ name: String, _ faults: [Fault], _ error: String? = nil, isRead: Bool = true) {
    (testDescription, self.faults, self.isRead) = (name, faults, isRead)
    (status, errors) = error.map { ("partial", [$0]) } ?? ("completed", [])
  }
}
