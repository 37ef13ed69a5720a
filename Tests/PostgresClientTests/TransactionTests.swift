import PostgresClient
import Testing

@Suite struct TransactionTests {
  private func connectionWithTable() throws -> PostgresConnection {
    let connection = try testConnection()
    try connection.script("CREATE TEMP TABLE t (n int8 PRIMARY KEY)")
    return connection
  }

  private func insert(_ n: Int64, _ connection: PostgresConnection) throws(PostgresError) {
    _ = try connection.query("INSERT INTO t VALUES ($1)", [.int64(n)])
  }

  @Test func `a transaction commits what its body did`() throws {
    let connection = try connectionWithTable()
    let answer = try connection.transaction { () throws(PostgresError) in
      try insert(1, connection)
      #expect(connection.inTransaction)
      return "done"
    }
    #expect(answer == "done")
    #expect(!connection.inTransaction)
    #expect(try connection.number("SELECT count(*) FROM t") == 1)
  }

  @Test func `a transaction whose body throws is rolled back`() throws {
    let connection = try connectionWithTable()
    let error = failure { () throws(PostgresError) in
      try connection.transaction { () throws(PostgresError) in
        try insert(1, connection)
        try insert(1, connection)
      }
    }
    #expect(error?.sqlState == "23505")
    #expect(!connection.inTransaction)
    #expect(try connection.number("SELECT count(*) FROM t") == 0)
  }

  @Test func `a COMMIT that the server turns into a ROLLBACK is an error`() throws {
    let connection = try connectionWithTable()
    try connection.begin()
    try insert(1, connection)
    #expect(throws: PostgresError.self) { try insert(1, connection) }
    #expect(connection.inTransaction)
    #expect(failure { () throws(PostgresError) in try connection.commit() }?.sqlState == "25P02")
    #expect(!connection.inTransaction)
    #expect(try connection.number("SELECT count(*) FROM t") == 0)
  }

  @Test func `begin within a transaction and commit without one are errors`() throws {
    let connection = try testConnection()
    #expect(failure { () throws(PostgresError) in try connection.commit() }?.sqlState == "25P01")
    try connection.begin()
    #expect(failure { () throws(PostgresError) in try connection.begin() }?.sqlState == "25001")
    connection.rollback()
    #expect(failure { () throws(PostgresError) in try connection.commit() }?.sqlState == "25P01")
  }

  @Test func `a transaction whose connection was lost is never continued on another`() throws {
    let connection = try testConnection()
    try connection.begin()
    let pid = try #require(connection.backendPID)
    try terminate(pid)
    for _ in 1...3 {
      #expect(failure { () throws(PostgresError) in _ = try connection.query("SELECT 1") }?.isUnreachable == true)
      #expect(!connection.inTransaction && !connection.isConnected && connection.backendPID == nil)
    }
    #expect(failure { () throws(PostgresError) in try connection.commit() }?.isUnreachable == true)
    #expect(failure { () throws(PostgresError) in try connection.begin() }?.isUnreachable == true)
    #expect(failure { () throws(PostgresError) in try connection.script("SELECT 1") }?.isUnreachable == true)
    connection.rollback()
    #expect(try connection.number("SELECT 1") == 1)
    #expect(connection.backendPID != pid)
  }

  @Test func `a transaction that loses its connection throws, and the next call connects anew`() throws {
    let connection = try testConnection()
    let error = failure { () throws(PostgresError) in
      try connection.transaction { () throws(PostgresError) in
        _ = try connection.query("SELECT pg_terminate_backend(pg_backend_pid())")
      }
    }
    #expect(error?.isUnreachable == true)
    #expect(error?.isOutage == true)
    #expect(try connection.number("SELECT 1") == 1)
  }

  @Test func `a server that has become read-only is left, and the next call connects anew`() throws {
    let connection = try connectionWithTable()
    let pid = try #require(connection.backendPID)
    try connection.script("SET default_transaction_read_only = on")
    let refused = failure { () throws(PostgresError) in try connection.script("CREATE TABLE no (n int8)") }
    #expect(refused?.sqlState == "25006" && refused?.isOutage == true)
    #expect(!connection.isConnected)
    #expect(try connection.query("SHOW transaction_read_only")[0].text(0) == "off")
    #expect(connection.backendPID != pid)
  }

  @Test func `a transaction that a read-only server refuses is lost until it is rolled back`() throws {
    let connection = try testConnection()
    try connection.script("SET default_transaction_read_only = on")
    try connection.begin()
    let refused = failure { () throws(PostgresError) in try connection.script("CREATE TABLE no (n int8)") }
    #expect(refused?.sqlState == "25006")
    #expect(!connection.inTransaction)
    #expect(failure { () throws(PostgresError) in _ = try connection.query("SELECT 1") }?.isUnreachable == true)
    connection.rollback()
    #expect(try connection.query("SHOW transaction_read_only")[0].text(0) == "off")
  }

  @Test func `closing gives a transaction up`() throws {
    let connection = try testConnection()
    try connection.begin()
    connection.close()
    #expect(!connection.inTransaction)
    #expect(failure { () throws(PostgresError) in try connection.commit() }?.sqlState == "25P01")
    #expect(try connection.number("SELECT 1") == 1)
  }
}
