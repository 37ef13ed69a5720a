import Logging
import PostgresClient
import Synchronization
import Testing

@Suite struct StreamTests {
  private struct Enough: Error {}

  @Test func `copyOut hands over every byte`() throws {
    let connection = try testConnection()
    var text: [UInt8] = []
    try connection.copyOut("COPY (SELECT generate_series(1, 20000)) TO STDOUT") { text += $0 }
    #expect(String(decoding: text, as: UTF8.self) == (1...20000).map { "\($0)\n" }.joined())
    #expect(try connection.number("SELECT 1") == 1)
  }

  @Test func `an error within copyOut is thrown, and the connection stays`() throws {
    let connection = try testConnection()
    let pid = try connection.number("SELECT pg_backend_pid()")
    #expect(throws: PostgresError.self) {
      try connection.copyOut("COPY (SELECT 1 / (5000 - n) FROM generate_series(1, 6000) AS n) TO STDOUT") { _ in }
    }
    #expect(try connection.number("SELECT pg_backend_pid()") == pid)
  }

  @Test func `stream hands over the rows in order`() throws {
    let connection = try testConnection()
    var sum: Int64 = 0
    let numbers = PostgresStatement(name: "numbers", sql: "SELECT generate_series(1, $1::int8)")
    try connection.stream(numbers, [10_000]) { sum += try $0.int64(0) }
    #expect(sum == 50_005_000)
    #expect(try connection.number("SELECT 1") == 1)
  }

  @Test func `an error in the middle of a stream comes after the rows before it`() throws {
    let connection = try testConnection()
    var rows = 0
    let failing = PostgresStatement(name: "failing", sql: "SELECT 1 / (5 - n) FROM generate_series(1, 9) AS n")
    #expect(throws: PostgresError.self) { try connection.stream(failing) { _ in rows += 1 } }
    #expect(rows == 4)
    #expect(try connection.number("SELECT 1") == 1)
  }

  @Test func `a reader that leaves a stream gets its own error, and the next call works`() throws {
    let connection = try testConnection()
    let endless = PostgresStatement(name: "endless", sql: "SELECT generate_series(1, 1000000000)")
    #expect(throws: Enough.self) { try connection.stream(endless) { if try $0.int64(0) == 10 { throw Enough() } } }
    #expect(try connection.number("SELECT 1") == 1)
    #expect(throws: Enough.self) {
      try connection.copyOut("COPY (SELECT generate_series(1, 1000000000)) TO STDOUT") { _ in throw Enough() }
    }
    #expect(try connection.number("SELECT 1") == 1)
  }

  @Test func `the server's notices and warnings are logged, one line each`() throws {
    let log = RecordedLog()
    let connection = try testConnection(logger: Logger(label: "test") { _ in log })
    try connection.script(#"DO $$ BEGIN RAISE NOTICE E'two\nlines'; RAISE WARNING 'careful'; END $$"#)
    #expect(log.lines.contains("notice: Postgres: two; lines"))
    #expect(log.lines.contains("warning: Postgres: careful"))
  }
}

/// Unchecked: metadata and level are never set after the logger is made, and the lines have a lock of their own.
final class RecordedLog: LogHandler, @unchecked Sendable {
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace
  private let recorded = Mutex<[String]>([])

  var lines: [String] { recorded.withLock { $0 } }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { recorded.withLock { $0.append("\(event.level): \(event.message)") } }
}
