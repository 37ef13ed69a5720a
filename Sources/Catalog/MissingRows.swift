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
    /// A file that this very scan has added, and whose name is gone again: with the second look its row goes too.
    case passing

    /// Whether the name has to be looked for again.
    public var isAbsence: Bool { self == .missing || self == .passing }
  }

  /// As what this scan has counted a file before, and with how many bytes.
  public struct Tally: Sendable, Equatable {
    public let isAdded: Bool
    public let bytes: Int64

    public init(isAdded: Bool, bytes: Int64) {
      self.isAdded = isAdded
      self.bytes = bytes
    }
  }

  public struct Row: Sendable, Equatable {
    /// Of `directories` or of `files`.
    public let id: Int64
    /// In which the name is missing or excluded.
    public let directory: Int64
    /// A row of `directories`.
    public let isDirectory: Bool
    public let loss: Loss
    /// What is to be counted back if it goes.
    public let tally: Tally?
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

  /// A file that this scan has counted before.
  public mutating func append(
    id: Int64, directory: Int64, name: UnsafeRawBufferPointer, isExcluded: Bool, counted tally: Tally
  ) {
    let loss: Loss = isExcluded ? .excluded : tally.isAdded ? .passing : .missing
    // What is excluded goes as a removal, also where the scan has added it.
    append(
      id: id, directory: directory, isDirectory: false, name: name, loss, isExcluded && tally.isAdded ? nil : tally)
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
    id: Int64, directory: Int64, isDirectory: Bool, name: UnsafeRawBufferPointer, _ loss: Loss,
    _ tally: Tally? = nil
  ) {
    let start = names.count
    names.append(contentsOf: name)
    rows.append(
      Row(id: id, directory: directory, isDirectory: isDirectory, loss: loss, tally: tally, name: start..<names.count))
  }

  public func name(of row: Row) -> [UInt8] { Array(names[row.name]) }

  /// Keeps those of which the answers, one for each row, are true.
  public mutating func keep(_ answers: [Bool]) {
    rows = zip(rows, answers).compactMap { $1 ? $0 : nil }
  }

  /// Takes the files out that are passing.
  public mutating func takePassing() -> MissingRows {
    var passing = self
    passing.rows.removeAll { $0.loss != .passing }
    rows.removeAll { $0.loss == .passing }
    return passing
  }

  /// Some of them as columns: row, directory, name.
  func places(_ range: Range<Int>) -> [PostgresParameter] {
    let rows = rows[range]
    return [
      .int64Array(rows.map(\.id)), .int64Array(rows.map(\.directory)), .bytesArray(rows.map { name(of: $0) }),
    ]
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
