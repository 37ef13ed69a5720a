import PostgresClient
import Testing

@Suite struct PipelineTests {
  private let create = PostgresStatement(name: "create", sql: "CREATE TEMP TABLE t (n int8 PRIMARY KEY)")
  private let insert = PostgresStatement(name: "insert", sql: "INSERT INTO t VALUES ($1)")
  private let list = PostgresStatement(name: "list", sql: "SELECT n FROM t ORDER BY n")
  private let begin = PostgresStatement(name: "begin", sql: "BEGIN")
  private let commit = PostgresStatement(name: "commit", sql: "COMMIT")

  @Test func `a batch answers with every statement's rows in order`() throws {
    let connection = try testConnection()
    let results = try connection.pipeline([(create, []), (insert, [1]), (insert, [2]), (list, [])])
    #expect(results.map(\.affected) == [0, 1, 1, 2])
    #expect(try results[3].map { try $0.int64(0) } == [1, 2])
    #expect(try connection.execute(insert, [3]).affected == 1)
    #expect(try connection.pipeline([(insert, [4]), (list, [])])[1].count == 4)
    #expect(try connection.number("SELECT count(*) FROM pg_prepared_statements WHERE name = 'insert'") == 1)
  }

  @Test func `an error in the middle undoes the batch and leaves the connection usable`() throws {
    let connection = try testConnection()
    _ = try connection.execute(create)
    let unused = PostgresStatement(name: "unused", sql: "SELECT 1")
    let error = failure { () throws(PostgresError) in
      _ = try connection.pipeline([(insert, [1]), (insert, [2]), (insert, [1]), (unused, []), (insert, [3])])
    }
    #expect(error?.sqlState == "23505")
    guard case .server(_, _, _, "t_pkey", "insert") = error else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(!connection.inTransaction)
    #expect(try connection.execute(list).isEmpty)
    // It was skipped, so it must not count as prepared.
    #expect(try connection.execute(unused)[0].int64(0) == 1)
    #expect(try connection.pipeline([(insert, [1])])[0].affected == 1)
  }

  @Test func `a statement of a batch that does not parse undoes the batch`() throws {
    let connection = try testConnection()
    let wrong = PostgresStatement(name: "wrong", sql: "SELEKT")
    let error = failure { () throws(PostgresError) in
      _ = try connection.pipeline([(create, []), (wrong, []), (list, [])])
    }
    #expect(error?.sqlState == "42601")
    #expect(try connection.query("SELECT to_regclass('pg_temp.t')::text")[0].optionalText(0) == nil)
  }

  @Test func `a constraint that fails at the commit fails the batch`() throws {
    let connection = try testConnection()
    try connection.script("CREATE TEMP TABLE t (n int8 UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    let error = failure { () throws(PostgresError) in _ = try connection.pipeline([(insert, [1]), (insert, [1])]) }
    #expect(error?.sqlState == "23505")
    #expect(try connection.execute(list).isEmpty)
  }

  @Test func `a batch with BEGIN and COMMIT is one transaction; its error waits for the rollback`() throws {
    let connection = try testConnection()
    _ = try connection.execute(create)
    _ = try connection.pipeline([(begin, []), (insert, [1]), (commit, [])])
    #expect(!connection.inTransaction)
    #expect(throws: PostgresError.self) { try connection.pipeline([(begin, []), (insert, [1]), (commit, [])]) }
    #expect(connection.inTransaction)
    connection.rollback()
    #expect(!connection.inTransaction)
    #expect(try connection.execute(list).count == 1)
  }

  @Test func `a batch far larger than the sockets' buffers does not lock up`() throws {
    let connection = try testConnection()
    let echo = PostgresStatement(name: "echo", sql: "SELECT $1::bytea")
    let block = [UInt8](repeating: 7, count: 100_000)
    let results = try connection.pipeline(Array(repeating: (echo, [.bytes(block)]), count: 100))
    #expect(results.count == 100)
    #expect(try results.allSatisfy { try $0[0].bytes(0) == block })
  }

  @Test func `a connection lost within a batch is unreachable, and the next call connects anew`() throws {
    let connection = try testConnection()
    let end = PostgresStatement(name: "end", sql: "SELECT pg_terminate_backend(pg_backend_pid())")
    let error = failure { () throws(PostgresError) in
      _ = try connection.pipeline([(begin, []), (create, []), (end, []), (insert, [1]), (commit, [])])
    }
    #expect(error?.isUnreachable == true)
    #expect(!connection.inTransaction && !connection.isConnected)
    #expect(try connection.number("SELECT 1") == 1)
  }

  @Test func `an empty batch is nothing`() throws {
    #expect(try testConnection().pipeline([]).isEmpty)
  }

  @Test func `a COPY in a batch is an error, and the next call works`() throws {
    let connection = try testConnection()
    let copy = PostgresStatement(name: "copy", sql: "COPY (SELECT 1) TO STDOUT")
    #expect(throws: PostgresError.self) { try connection.pipeline([(copy, [])]) }
    #expect(throws: PostgresError.self) { try connection.execute(copy) }
    #expect(try connection.number("SELECT 1") == 1)
  }
}
