import CLibPQ
import CrashPoints

/// What is longer than memory should be: COPY in both directions and rows one at a time.
extension Session {
  /// libpq copies what it cannot send at once into its own buffer: pieces keep that small.
  private static let pieceSize = 256 * 1024

  func copyIn(
    _ sql: String, _ buffer: UnsafeRawBufferPointer, _ patience: inout Patience
  ) throws(PostgresError) -> Int {
    try sendScript(sql)
    try expect(PGRES_COPY_IN, &patience)
    var rest = buffer[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.pieceSize))
      rest = rest.dropFirst(piece.count)
      try put(piece, &patience)
      try flush(&patience)
    }
    crashPoint(.insideCopy)
    try queued(PQputCopyEnd(connection, nil))
    return try collect(&patience).rows.affected
  }

  private func put(_ piece: UnsafeRawBufferPointer, _ patience: inout Patience) throws(PostgresError) {
    while true {
      let bytes = piece.baseAddress?.assumingMemoryBound(to: CChar.self)
      switch PQputCopyData(connection, bytes, Int32(piece.count)) {
      case 1: return
      case 0: try flush(&patience)  // libpq's buffer is full.
      default: throw lost
      }
    }
  }

  func copyOut(
    _ sql: String, _ patience: inout Patience, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try sendScript(sql)
    try expect(PGRES_COPY_OUT, &patience)
    while true {
      var message: UnsafeMutablePointer<CChar>?
      let length = PQgetCopyData(connection, &message, /* async: */ 1)
      defer { PQfreemem(message) }
      switch length {
      case 1...:
        try body(UnsafeRawBufferPointer(start: message, count: Int(length)))
        patience.progressed()
      case 0: try receive(&patience)
      case -1:
        try collect(&patience)
        return
      default: throw lost
      }
    }
  }

  func stream(
    _ statement: PostgresStatement, _ parameters: EncodedParameters, _ patience: inout Patience,
    _ body: (PostgresRow) throws -> Void
  ) throws {
    let variant = try prepare(statement, parameters.types, &patience)
    try queued(send(variant, parameters))
    guard PQsetSingleRowMode(connection) == 1 else { throw lost }
    var failure: PostgresError?
    while let result = try nextResult(&patience) {
      if let error = result.error(of: statement.name) {
        failure = error
      } else {
        for row in result.rows(of: statement.name) { try body(row) }
        patience.progressed()
      }
    }
    if let failure { throw noted(failure) }
  }

  /// The answer to the COPY itself, before any of its bytes.
  private func expect(_ status: ExecStatusType, _ patience: inout Patience) throws(PostgresError) {
    guard let result = try nextResult(&patience) else { throw lost }
    if let error = result.error(of: patience.statement) {
      try collect(&patience)
      throw error
    }
    guard result.status == status else { throw .decoding("the SQL is no COPY in this direction") }
  }
}
