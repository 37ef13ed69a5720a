import PostgresClient

/// Files that were under names which other files bear now, as the catalogue knew them. Their names lie in one arena.
public struct LostFiles: Sendable, Equatable {
  private var files = KnownFiles()

  public init() {}

  public var count: Int { files.files.count }

  public mutating func append(_ file: KnownFiles.File, name: UnsafeRawBufferPointer) { files.append(file, name: name) }

  /// Some of them as columns: id, directory, name, kind, size, mtime, btime, inode.
  func columns(_ range: Range<Int>) -> [PostgresParameter] {
    let rows = files.files[range]
    return [
      .int64Array(rows.map(\.id)),
      .int64Array(rows.map(\.directory)),
      .bytesArray(rows.map { files.withName(of: $0) { Array($0) } }),
      .textArray(rows.map { String(UnicodeScalar($0.kind.code)) }),
      .int64Array(rows.map(\.size)),
      .int64Array(rows.map(\.mtime_ns)),
      .nullableInt64Array(rows.map(\.btime_ns)),
      .int64Array(rows.map { Int64(bitPattern: $0.inode) }),
    ]
  }
}
