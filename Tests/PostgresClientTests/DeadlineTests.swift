import Foundation
import PostgresClient
import TestSupport
import Testing

@Suite struct DeadlineTests {
  @Test func `a statement that stands still ends at its deadline and is cancelled on the server`() throws {
    let connection = try testConnection(deadline: .milliseconds(300))
    try connection.connect()
    let pid = try #require(connection.backendPID)
    let start = ContinuousClock.now
    let error = failure { () throws(PostgresError) in _ = try connection.query("SELECT pg_sleep(30)") }
    #expect(ContinuousClock.now - start < .seconds(5))
    guard case .deadline("SELECT pg_sleep(30)", .milliseconds(300)) = error else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(!connection.isConnected)
    try waitUntilGone(pid)
    #expect(try connection.number("SELECT 1") == 1)
  }

  @Test func `a deadline in a transaction loses the transaction`() throws {
    let connection = try testConnection(deadline: .milliseconds(300))
    try connection.begin()
    #expect(throws: PostgresError.self) { try connection.query("SELECT pg_sleep(30)") }
    #expect(failure { () throws(PostgresError) in _ = try connection.query("SELECT 1") }?.isUnreachable == true)
    connection.rollback()
    #expect(try connection.number("SELECT 1") == 1)
  }

  @Test func `a COPY whose bytes the server does not take ends at its deadline`() throws {
    let table = TestServers.uniqueName("copy")
    let owner = try testConnection()
    try owner.script("CREATE UNLOGGED TABLE \(table) (n int8 UNIQUE, filler bytea)")
    defer { #expect(throws: Never.self) { try owner.script("DROP TABLE \(table)") } }
    // The copy's first thousand rows, one batch of the server's, wait for this one's fate; the 30 MB behind them fill
    // every buffer.
    try owner.begin()
    try owner.script("INSERT INTO \(table) VALUES (1)")
    let blocked = try testConnection(deadline: .milliseconds(300))
    var buffer = CopyBuffer()
    let filler = [UInt8](repeating: 1, count: 10_000)
    buffer.begin()
    for n in 1...4000 as ClosedRange<Int64> {
      buffer.startRow(columns: 2)
      buffer.append(int64: n)
      filler.withUnsafeBytes { buffer.append(bytes: $0) }
    }
    buffer.end()
    let error = failure { () throws(PostgresError) in
      _ = try buffer.withUnsafeBytes { (bytes) throws(PostgresError) in
        try blocked.copyIn("COPY \(table) FROM STDIN (FORMAT binary)", from: bytes)
      }
    }
    owner.rollback()
    guard case .deadline("COPY", _) = error else {
      Issue.record("\(error as Any)")
      return
    }
    let copied = try owner.number("SELECT count(*) FROM \(table)")
    #expect(copied == 0)
  }

  @Test func `a stream that keeps moving may take longer than the deadline`() throws {
    let connection = try testConnection(deadline: .milliseconds(400))
    var rows = 0
    let slow = PostgresStatement(
      name: "slow", sql: "SELECT repeat('x', 9000), pg_sleep(0.1) FROM generate_series(1, 10)")
    try connection.stream(slow) { _ in rows += 1 }
    #expect(rows == 10)
  }

  @Test func `SQL with patience may take longer than all timeouts, and the session keeps its own`() throws {
    let connection = try testConnection(
      deadline: .milliseconds(300), lockTimeout: .milliseconds(150), settings: ["statement_timeout": "200ms"])
    try connection.script("SELECT pg_sleep(0.7)", patience: .seconds(20))
    let pid = try #require(connection.backendPID)
    let error = failure { () throws(PostgresError) in
      try connection.script("SELECT pg_sleep(20)", patience: .milliseconds(100))
    }
    #expect(error?.sqlState == "57014")
    #expect(try connection.query("SHOW lock_timeout")[0].text(0) == "150ms")
    #expect(try connection.query("SHOW statement_timeout")[0].text(0) == "200ms")
    #expect(connection.backendPID == pid)
    try connection.begin()
    let refused = failure { () throws(PostgresError) in try connection.script("SELECT 1", patience: .seconds(1)) }
    #expect(refused?.sqlState == "25001")
  }

  @Test func `another thread cancels what runs`() throws {
    let connection = try testConnection()
    try connection.connect()
    let pid = try #require(connection.backendPID)
    let canceller = connection.canceller
    let sleeping = PostgresStatement(
      name: "sleeping", sql: "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'")
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      defer { done.signal() }
      do {
        let observer = try testConnection()
        while try observer.execute(sleeping, [.int32(pid)])[0].int64(0) == 0 {}
        canceller.cancel()
      } catch {
        Issue.record(error)
      }
    }
    let error = failure { () throws(PostgresError) in _ = try connection.query("SELECT pg_sleep(20)") }
    done.wait()
    #expect(error?.sqlState == "57014")
    #expect(error?.isOutage == false)
    #expect(connection.backendPID == pid)
    #expect(try connection.number("SELECT 1") == 1)
    connection.close()
    canceller.cancel()
  }

  @Test func `whoever cancels does not wait for a server that is frozen`() throws {
    let cluster = try PrivatePostgres(password: "right")
    let connection = connection(to: "\(cluster.conninfo) password=right", deadline: .milliseconds(300))
    try cluster.waitUntilReady(password: "right")
    try connection.connect()
    cluster.freeze()
    defer { cluster.thaw() }
    let canceller = connection.canceller
    let cancelled = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      canceller.cancel()
      cancelled.signal()
    }
    #expect(cancelled.wait(timeout: .now() + 5) == .success)
    let start = ContinuousClock.now
    #expect(throws: PostgresError.self) { try connection.script("SELECT pg_sleep(20)") }
    #expect(ContinuousClock.now - start < .seconds(5))
  }

  private func waitUntilGone(_ pid: Int32) throws {
    let observer = try testConnection()
    let end = ContinuousClock.now + .seconds(10)
    while try observer.number("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", [.int32(pid)]) > 0 {
      try #require(.now < end, "the server process still runs")
    }
  }
}
