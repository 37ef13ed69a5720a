import CLibPQ

/// Owns a `PGresult`. What is in it leaves as Swift values.
struct ResultHandle: ~Copyable {
  private let result: OpaquePointer

  init(_ result: OpaquePointer) { self.result = result }

  deinit { PQclear(result) }

  var status: ExecStatusType { PQresultStatus(result) }

  /// The command as its tag begins: `INSERT`, `COMMIT`, `ROLLBACK`.
  var command: Substring { text(PQcmdStatus(result)).prefix { $0 != " " } }

  /// The count of the command's tag; a tag without one counts 0.
  var affected: Int { Int(text(PQcmdTuples(result))) ?? 0 }

  /// The error of a failed result, nil when it is none. What a pipeline skips after an error is none of its own.
  ///
  /// A FATAL one is the server's last word on this connection, so it is `unreachable`; and so is an error without
  /// an SQLSTATE, which libpq itself makes when the connection breaks.
  func error(of statement: String) -> PostgresError? {
    switch status {
    case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE: break
    default: return nil
    }
    guard let sqlState = field("C") else {
      return .unreachable("\(statement): \(text(PQresultErrorMessage(result)).onOneLine)")
    }
    let message = (field("M") ?? "").onOneLine
    // PG_DIAG_SEVERITY_NONLOCALIZED
    if let severity = field("V"), severity != "ERROR" { return .unreachable("\(message) [\(sqlState)]") }
    return .server(
      sqlState: sqlState, message: message, detail: field("D")?.onOneLine, constraint: field("n"), statement: statement)
  }

  /// Copies all cells out.
  func rows(of statement: String) -> PostgresRows {
    let rows = PQntuples(result)
    let columns = PQnfields(result)
    var cells: [CellTable.Cell] = []
    cells.reserveCapacity(Int(rows) * Int(columns))
    var bytes: [UInt8] = []
    for row in 0..<rows {
      for column in 0..<columns {
        guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else {
          cells.append(.null)
          continue
        }
        let length = Int(PQgetlength(result, row, column))
        cells.append(CellTable.Cell(offset: bytes.count, length: length))
        bytes.append(contentsOf: UnsafeRawBufferPointer(start: value, count: length))
      }
    }
    let types = (0..<columns).map { PQftype(result, $0) }
    return PostgresRows(
      affected: affected,
      table: CellTable(types: types, rows: Int(rows), cells: cells, bytes: bytes, statement: statement))
  }

  /// `code` is one of the PG_DIAG_ letters of `postgres_ext.h`, which Swift does not import.
  private func field(_ code: Unicode.Scalar) -> String? {
    PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
  }

  private func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }
}
