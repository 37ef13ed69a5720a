import PostgresClient

/// Rows that are to go: whose names a listing lacked, or had and the library's rules do not admit. Their names
/// lie in one arena.
public struct MissingRows: Sendable, Equatable {
  /// Why a row goes.
  public enum Loss: String, Sendable {
    /// Its name is not there. A second and a third look have to confirm it, and the removal limits may hold it.
    case missing
    /// Its name is there, and the rules exclude it: there is nothing to look for, and no limit.
    case excluded
    /// A directory that stays, while the rules exclude all that lies in it.
    case contents
  }

  public struct Row: Sendable, Equatable {
    /// Of `directories` or of `files`.
    public let id: Int64
    /// In which the name is missing or excluded.
    public let directory: Int64
    /// A row of `directories`.
    public let isDirectory: Bool
    public let loss: Loss
    fileprivate let name: Range<Int>

    /// The directory in which something is unsettled until the row has gone.
    public var unsettled: Int64 { loss == .contents ? id : directory }
  }

  public private(set) var rows: [Row] = []
  private var names: [UInt8] = []

  public init() {}

  public var count: Int { rows.count }

  /// A row that goes; a directory with all that lies in it.
  ///
  /// - Parameters:
  ///   - directory: in which the name was.
  ///   - isExcluded: the name is there, and the rules do not admit it.
  public mutating func append(
    id: Int64, directory: Int64, isDirectory: Bool, name: UnsafeRawBufferPointer, isExcluded: Bool = false
  ) {
    append(id: id, directory: directory, isDirectory: isDirectory, name: name, isExcluded ? .excluded : .missing)
  }

  /// A directory that stays, and in which the rules exclude everything. Where nothing live is in it this is nothing.
  ///
  /// - Parameters:
  ///   - id: the directory that stays.
  ///   - directory: in which it lies, under `name`.
  public mutating func append(contentsOf id: Int64, directory: Int64, name: UnsafeRawBufferPointer) {
    append(id: id, directory: directory, isDirectory: true, name: name, .contents)
  }

  private mutating func append(
    id: Int64, directory: Int64, isDirectory: Bool, name: UnsafeRawBufferPointer, _ loss: Loss
  ) {
    let start = names.count
    names.append(contentsOf: name)
    rows.append(Row(id: id, directory: directory, isDirectory: isDirectory, loss: loss, name: start..<names.count))
  }

  public func name(of row: Row) -> [UInt8] { Array(names[row.name]) }

  /// Keeps those of which the answers, one for each row, are true.
  public mutating func keep(_ answers: [Bool]) {
    rows = zip(rows, answers).compactMap { $1 ? $0 : nil }
  }

  /// Some of them as columns: kind, row, directory, name, loss.
  func columns(_ range: Range<Int>) -> [PostgresParameter] {
    let rows = rows[range]
    return [
      .textArray(rows.map { $0.isDirectory ? "d" : "f" }), .int64Array(rows.map(\.id)),
      .int64Array(rows.map(\.directory)), .bytesArray(rows.map { name(of: $0) }),
      .textArray(rows.map(\.loss.rawValue)),
    ]
  }
}
