import Foundation

/// A statement's result, copied out of libpq: it outlives the connection and may go to other threads.
public struct PostgresRows: Sendable, RandomAccessCollection {
  /// What the command's tag counts: rows selected, inserted, updated, deleted or copied; 0 for other commands.
  public let affected: Int
  let table: CellTable

  public var startIndex: Int { 0 }
  public var endIndex: Int { table.rows }
  public subscript(position: Int) -> PostgresRow { PostgresRow(table: table, row: position) }
}

/// The cells of a result in binary format, all in one buffer.
final class CellTable: Sendable {
  struct Cell {
    static let null = Cell(offset: 0, length: -1)
    let offset: Int
    let length: Int
  }

  let types: [UInt32]
  let rows: Int
  /// Row by row.
  let cells: [Cell]
  let bytes: [UInt8]
  /// For messages.
  let statement: String

  init(types: [UInt32], rows: Int, cells: [Cell], bytes: [UInt8], statement: String) {
    self.types = types
    self.rows = rows
    self.cells = cells
    self.bytes = bytes
    self.statement = statement
  }
}

/// One row. Columns count from 0; a column that is not there, of another type or unexpectedly null is a `decoding`
/// error.
public struct PostgresRow: Sendable {
  let table: CellTable
  let row: Int

  /// The number of columns.
  public var count: Int { table.types.count }

  /// From `int2`, `int4` or `int8`.
  public func int64(_ column: Int) throws(PostgresError) -> Int64 { try present(optionalInt64(column), column) }

  /// From `int2` or `int4`.
  public func int32(_ column: Int) throws(PostgresError) -> Int32 {
    guard let value = Int32(exactly: try int64(column)) else { throw mismatch(column, "an int4") }
    return value
  }

  public func optionalInt64(_ column: Int) throws(PostgresError) -> Int64? {
    guard let cell = try cell(column) else { return nil }
    guard let value = integer(cell, table.types[column]) else { throw mismatch(column, "an integer") }
    return value
  }

  /// From `text`, `varchar`, `name`, `json`, `jsonb`, `unknown` or an enum.
  public func text(_ column: Int) throws(PostgresError) -> String { try present(optionalText(column), column) }

  public func optionalText(_ column: Int) throws(PostgresError) -> String? {
    guard var cell = try cell(column) else { return nil }
    switch table.types[column] {
    case TypeOID.text, TypeOID.varchar, TypeOID.bpchar, TypeOID.name, TypeOID.char, TypeOID.json, TypeOID.unknown: break
    case TypeOID.jsonb: cell = cell.dropFirst()  // the format's version
    case TypeOID.firstOfUsers...: break
    default: throw mismatch(column, "text")
    }
    return String(decoding: cell, as: UTF8.self)
  }

  /// From `bytea`.
  public func bytes(_ column: Int) throws(PostgresError) -> [UInt8] { try present(optionalBytes(column), column) }

  public func optionalBytes(_ column: Int) throws(PostgresError) -> [UInt8]? {
    guard let cell = try cell(column) else { return nil }
    guard table.types[column] == TypeOID.bytea else { throw mismatch(column, "bytea") }
    return Array(cell)
  }

  public func boolean(_ column: Int) throws(PostgresError) -> Bool { try present(optionalBoolean(column), column) }

  public func optionalBoolean(_ column: Int) throws(PostgresError) -> Bool? {
    guard let cell = try cell(column) else { return nil }
    guard table.types[column] == TypeOID.boolean, let byte = cell.first else { throw mismatch(column, "a boolean") }
    return byte != 0
  }

  /// From `float4` or `float8`; cast a `numeric` in the SQL.
  public func double(_ column: Int) throws(PostgresError) -> Double { try present(optionalDouble(column), column) }

  public func optionalDouble(_ column: Int) throws(PostgresError) -> Double? {
    guard let cell = try cell(column) else { return nil }
    switch table.types[column] {
    case TypeOID.float8: return Double(bitPattern: try load(cell, column))
    case TypeOID.float4: return Double(Float(bitPattern: try load(cell, column)))
    default: throw mismatch(column, "a float")
    }
  }

  /// From `timestamptz`, or `timestamp` taken as UTC; `infinity` is no date.
  public func timestamp(_ column: Int) throws(PostgresError) -> Date { try present(optionalTimestamp(column), column) }

  public func optionalTimestamp(_ column: Int) throws(PostgresError) -> Date? {
    guard let cell = try cell(column) else { return nil }
    guard table.types[column] == TypeOID.timestamptz || table.types[column] == TypeOID.timestamp else {
      throw mismatch(column, "a timestamp")
    }
    let microseconds: Int64 = try load(cell, column)
    guard microseconds != .max, microseconds != .min else { throw mismatch(column, "a finite timestamp") }
    // Postgres counts from 2000-01-01T00:00:00Z, Date from a year later.
    return Date(timeIntervalSinceReferenceDate: Double(microseconds) / 1e6 - 366 * 86400)
  }

  /// A one-dimensional array of integers without nulls.
  public func int64Array(_ column: Int) throws(PostgresError) -> [Int64] {
    try elements(column) { integer($0, $1) }
  }
}

/// Values that stay where they are: for rows by the thousand.
extension PostgresRow {
  /// From `bytea`; the bytes are valid during the call.
  public func withBytes<R>(_ column: Int, _ body: (UnsafeRawBufferPointer) -> R) throws(PostgresError) -> R {
    try withCell(column, TypeOID.bytea, "bytea", body)
  }

  /// The UTF-8 of a `text`; it is valid during the call.
  public func withText<R>(_ column: Int, _ body: (UnsafeRawBufferPointer) -> R) throws(PostgresError) -> R {
    try withCell(column, TypeOID.text, "text", body)
  }

  private func withCell<R>(
    _ column: Int, _ type: UInt32, _ wanted: String, _ body: (UnsafeRawBufferPointer) -> R
  ) throws(PostgresError) -> R {
    guard let cell = try cell(column) else { throw unexpectedNull(column) }
    guard table.types[column] == type else { throw mismatch(column, wanted) }
    return cell.withUnsafeBytes(body)
  }
}
