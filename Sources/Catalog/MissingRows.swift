import PostgresClient

/// Rows whose names a listing lacked. Their names lie in one arena.
public struct MissingRows: Sendable, Equatable {
  public struct Row: Sendable, Equatable {
    /// Of `directories` or of `files`.
    public let id: Int64
    /// In which the name is missing.
    public let directory: Int64
    /// A row of `directories`.
    public let isDirectory: Bool
    fileprivate let name: Range<Int>
  }

  public private(set) var rows: [Row] = []
  private var names: [UInt8] = []

  public init() {}

  public var count: Int { rows.count }

  public mutating func append(id: Int64, directory: Int64, isDirectory: Bool, name: UnsafeRawBufferPointer) {
    let start = names.count
    names.append(contentsOf: name)
    rows.append(Row(id: id, directory: directory, isDirectory: isDirectory, name: start..<names.count))
  }

  public func name(of row: Row) -> [UInt8] { Array(names[row.name]) }

  /// Keeps those of which the answers, one for each row, are true.
  public mutating func keep(_ answers: [Bool]) {
    rows = zip(rows, answers).compactMap { $1 ? $0 : nil }
  }

  /// Some of them as columns: kind, row, directory, name.
  func columns(_ range: Range<Int>) -> [PostgresParameter] {
    let rows = rows[range]
    return [
      .textArray(rows.map { $0.isDirectory ? "d" : "f" }), .int64Array(rows.map(\.id)),
      .int64Array(rows.map(\.directory)), .bytesArray(rows.map { name(of: $0) }),
    ]
  }
}
