import PostgresClient
import Testing

@Suite struct StatementTests {
  @Test func `a statement is prepared once on a connection`() throws {
    let connection = try testConnection()
    let double = PostgresStatement(name: "double", sql: "SELECT $1::int8 * 2")
    for n in 1...5 as ClosedRange<Int64> { #expect(try connection.execute(double, [.int64(n)])[0].int64(0) == 2 * n) }
    #expect(try connection.number("SELECT count(*) FROM pg_prepared_statements WHERE name = 'double'") == 1)
  }

  @Test func `a statement first run with a null takes values of any type later`() throws {
    let connection = try testConnection()
    let statement = PostgresStatement(name: "nulls first", sql: "SELECT $1::int4 + 1")
    #expect(try connection.execute(statement, [nil])[0].optionalInt64(0) == nil)
    #expect(try connection.execute(statement, [.int64(4)])[0].int64(0) == 5)
    #expect(try connection.execute(statement, [.int32(6)])[0].int64(0) == 7)
    #expect(try connection.execute(statement, [nil])[0].optionalInt64(0) == nil)
    #expect(try connection.number("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'nulls first%'") == 3)
  }

  @Test func `a statement that the server forgot is prepared again`() throws {
    let connection = try testConnection()
    let one = PostgresStatement(name: "one", sql: "SELECT 1")
    _ = try connection.execute(one)
    try connection.script("DEALLOCATE ALL")
    #expect(failure { () throws(PostgresError) in _ = try connection.execute(one) }?.sqlState == "26000")
    #expect(try connection.execute(one)[0].int64(0) == 1)
  }

  @Test func `two statements of one name are reported, not mixed up`() throws {
    let connection = try testConnection()
    _ = try connection.execute(PostgresStatement(name: "same", sql: "SELECT 1"))
    let error = failure { () throws(PostgresError) in
      _ = try connection.execute(PostgresStatement(name: "same", sql: "SELECT 2"))
    }
    #expect(error?.sqlState == "42P05")
  }

  @Test func `an error carries SQLSTATE, constraint and detail, and the connection stays`() throws {
    let connection = try testConnection()
    try connection.script("CREATE TEMP TABLE t (id int8 CONSTRAINT t_id_unique UNIQUE)")
    let insert = PostgresStatement(name: "insert", sql: "INSERT INTO t VALUES ($1)")
    #expect(try connection.execute(insert, [7]).affected == 1)
    let pid = connection.backendPID
    let error = failure { () throws(PostgresError) in _ = try connection.execute(insert, [7]) }
    guard case .server("23505", let message, "Key (id)=(7) already exists.", "t_id_unique", "insert") = error else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(message.contains("t_id_unique"))
    #expect(error?.description.contains("\n") == false)
    #expect(try connection.execute(insert, [8]).affected == 1)
    #expect(connection.backendPID == pid)
  }

  @Test func `affected counts rows changed and rows selected`() throws {
    let connection = try testConnection()
    #expect(try connection.query("CREATE TEMP TABLE t AS SELECT generate_series(1, 10) AS n").affected == 10)
    #expect(try connection.query("UPDATE t SET n = n WHERE n > 4").affected == 6)
    #expect(try connection.query("SELECT n FROM t").affected == 10)
    #expect(try connection.query("SELECT n FROM t WHERE false").isEmpty)
    #expect(try connection.query("SET enable_seqscan = on").affected == 0)
  }

  @Test func `a script of several statements is one transaction`() throws {
    let connection = try testConnection()
    let error = failure { () throws(PostgresError) in
      try connection.script(
        "CREATE TEMP TABLE t (n int); INSERT INTO t VALUES (1); SELECT 1/0; INSERT INTO t VALUES (2)")
    }
    #expect(error?.sqlState == "22012")
    #expect(try connection.query("SELECT to_regclass('pg_temp.t')::text")[0].optionalText(0) == nil)
    try connection.script("CREATE TEMP TABLE t (n int); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)")
    #expect(try connection.number("SELECT count(*) FROM t") == 2)
  }

  @Test func `a statement that does not parse leaves the connection usable`() throws {
    let connection = try testConnection()
    #expect(failure { () throws(PostgresError) in _ = try connection.query("SELEKT 1") }?.sqlState == "42601")
    #expect(failure { () throws(PostgresError) in try connection.script("SELEKT 1") }?.sqlState == "42601")
    #expect(try connection.number("SELECT 1") == 1)
  }

  @Test func `outages and retryable errors are told from failures`() {
    func server(_ sqlState: String) -> PostgresError {
      .server(sqlState: sqlState, message: "", detail: nil, constraint: nil, statement: "")
    }
    for state in ["08006", "53300", "57P01", "57P03", "25006"] { #expect(server(state).isOutage) }
    for state in ["57014", "23505", "40001", "55P03", "25P02"] { #expect(!server(state).isOutage) }
    #expect(PostgresError.unreachable("").isOutage)
    #expect(!PostgresError.deadline(statement: "", after: .zero).isOutage)
    #expect(server("40001").isRetryable && server("40P01").isRetryable && !server("23505").isRetryable)
  }
}
