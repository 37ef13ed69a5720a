import PostgresClient
import Testing

@Suite struct CopyBufferTests {
  private let copy = "COPY t FROM STDIN (FORMAT binary)"

  private func send(_ buffer: borrowing CopyBuffer, _ connection: PostgresConnection) throws(PostgresError) -> Int {
    try buffer.withUnsafeBytes { (bytes) throws(PostgresError) in try connection.copyIn(copy, from: bytes) }
  }

  @Test func `a row is laid out as the manual says`() {
    var buffer = CopyBuffer(capacity: 1)
    buffer.begin()
    buffer.startRow(columns: 2)
    buffer.append(int16: 258)
    buffer.appendNull()
    buffer.end()
    let expected: [UInt8] =
      [0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00, 0, 0, 0, 0, 0, 0, 0, 0]
      + [0, 2, 0, 0, 0, 2, 1, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
    #expect(buffer.withUnsafeBytes { Array($0) } == expected)
    #expect(buffer.count == expected.count)
    #expect(buffer.rows == 1)
    buffer.removeAll()
    #expect(buffer.count == 0 && buffer.rows == 0)
  }

  @Test func `100,000 rows arrive with their exact bytes`() throws {
    let connection = try testConnection()
    try connection.script(
      "CREATE TEMP TABLE t (id int8, size int4, kind int2, name bytea, label text, gone bool, sum int8)")
    var buffer = CopyBuffer(capacity: 100)
    buffer.begin()
    var bytes = 0
    for n in 0..<100_000 as Range<Int64> {
      // Zeros, high bytes and an empty name among them.
      let name = (0..<n % 40).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ n) }
      bytes += name.count
      buffer.startRow(columns: 7)
      buffer.append(int64: n)
      buffer.append(int32: Int32(-n))
      buffer.append(int16: Int16(n % 1000))
      name.withUnsafeBytes { buffer.append(bytes: $0) }
      Array("file".utf8).withUnsafeBytes { buffer.append(bytes: $0) }
      buffer.append(boolean: n % 2 == 0)
      if n % 3 == 0 { buffer.appendNull() } else { buffer.append(int64: .min) }
    }
    buffer.end()
    #expect(try send(buffer, connection) == 100_000)
    let row = try connection.query(
      """
      SELECT count(*), sum(length(name)), sum(id)::int8, sum(size)::int8, count(*) FILTER (WHERE gone), count(sum),
        count(DISTINCT id), min(sum), bool_and(label = 'file'), bool_and(kind = id % 1000)
      FROM t
      """)[0]
    let sum: Int64 = 100_000 * 99_999 / 2
    #expect(
      try (0..<8).map { try row.int64($0) } == [100_000, Int64(bytes), sum, -sum, 50_000, 66_666, 100_000, .min])
    #expect(try row.boolean(8) && row.boolean(9))
    let names = try connection.query("SELECT id, name FROM t WHERE id IN (0, 39, 77, 99999) ORDER BY id")
    for row in names {
      let n = try row.int64(0)
      #expect(try row.bytes(1) == (0..<n % 40).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ n) })
    }
  }

  @Test func `an empty COPY copies nothing`() throws {
    let connection = try testConnection()
    try connection.script("CREATE TEMP TABLE t (n int8)")
    var buffer = CopyBuffer()
    buffer.begin()
    buffer.end()
    #expect(try send(buffer, connection) == 0)
  }

  @Test func `a COPY that the server refuses leaves the connection usable and copies nothing`() throws {
    let connection = try testConnection()
    try connection.script("CREATE TEMP TABLE t (n int8 CONSTRAINT t_n UNIQUE, filler bytea)")
    var buffer = CopyBuffer()
    let filler = [UInt8](repeating: 1, count: 10_000)
    buffer.begin()
    for n in [1, 1] + Array(2...1000) as [Int64] {
      buffer.startRow(columns: 2)
      buffer.append(int64: n)
      filler.withUnsafeBytes { buffer.append(bytes: $0) }
    }
    buffer.end()
    guard
      case .server("23505", _, _, "t_n", "COPY") = failure({ () throws(PostgresError) in
        _ = try send(buffer, connection)
      })
    else {
      Issue.record("no unique violation")
      return
    }
    #expect(try connection.number("SELECT count(*) FROM t") == 0)
  }

  @Test func `a COPY of a table that is not there, or in the other direction, is an error`() throws {
    let connection = try testConnection()
    let buffer = CopyBuffer()
    #expect(failure { () throws(PostgresError) in _ = try send(buffer, connection) }?.sqlState == "42P01")
    #expect(connection.isConnected)
    #expect(throws: PostgresError.self) {
      try buffer.withUnsafeBytes { try connection.copyIn("COPY (SELECT 1) TO STDOUT", from: $0) }
    }
    #expect(throws: PostgresError.self) {
      try buffer.withUnsafeBytes { try connection.copyIn("SELECT 1", from: $0) }
    }
    #expect(try connection.number("SELECT 1") == 1)
  }
}
