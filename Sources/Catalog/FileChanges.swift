import PostgresClient
import ScanModel

/// Rows of files that a slice's commit changes. Their names lie in one arena.
public struct FileChanges: Sendable, Equatable {
  private struct Change: Sendable, Equatable {
    let id: Int64
    let directory: Int64
    let attributes: FileAttributes
    let name: Range<Int>
  }

  private var changes: [Change] = []
  private var names: [UInt8] = []

  public init() {}

  public var count: Int { changes.count }

  /// - Parameter id: the row's.
  public mutating func append(
    id: Int64, directory: Int64, name: UnsafeRawBufferPointer, _ attributes: FileAttributes
  ) {
    let start = names.count
    names.append(contentsOf: name)
    changes.append(Change(id: id, directory: directory, attributes: attributes, name: start..<names.count))
  }

  /// Some of them as columns: directory, name, kind, size, mtime, ctime, btime, inode, mode.
  func columns(_ range: Range<Int>) -> [PostgresParameter] {
    let rows = changes[range]
    return [
      .int64Array(rows.map(\.directory)),
      .bytesArray(rows.map { Array(names[$0.name]) }),
      .textArray(rows.map { String(UnicodeScalar($0.attributes.kind.code)) }),
      .int64Array(rows.map(\.attributes.size)),
      .int64Array(rows.map(\.attributes.mtime_ns)),
      .int64Array(rows.map(\.attributes.ctime_ns)),
      .nullableInt64Array(rows.map(\.attributes.btime_ns)),
      .int64Array(rows.map { Int64(bitPattern: $0.attributes.inode) }),
      .int32Array(rows.map { Int32(bitPattern: $0.attributes.mode) }),
    ]
  }

  /// Some of them as columns: id, directory, name, inode.
  func identities(_ range: Range<Int>) -> [PostgresParameter] {
    let rows = changes[range]
    return [
      ids(range), .int64Array(rows.map(\.directory)), .bytesArray(rows.map { Array(names[$0.name]) }),
      .int64Array(rows.map { Int64(bitPattern: $0.attributes.inode) }),
    ]
  }

  func ids(_ range: Range<Int>) -> PostgresParameter { .int64Array(changes[range].map(\.id)) }
}
