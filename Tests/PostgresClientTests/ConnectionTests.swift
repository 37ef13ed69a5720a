import Foundation
import PostgresClient
import TestSupport
import Testing

@Suite struct ConnectionTests {
  @Test func `nothing is connected before the first call`() throws {
    let connection = try testConnection()
    #expect(!connection.isConnected && connection.backendPID == nil)
    try connection.connect()
    #expect(connection.isConnected)
    #expect(try connection.number("SELECT pg_backend_pid()") == Int64(try #require(connection.backendPID)))
  }

  @Test func `the session has the settings that were asked for`() throws {
    let connection = try testConnection(lockTimeout: .milliseconds(1500), settings: ["work_mem": "7MB"])
    func setting(_ name: String) throws -> String {
      try connection.query("SELECT current_setting($1)", [.text(name)])[0].text(0)
    }
    #expect(try setting("lock_timeout") == "1500ms")
    #expect(try setting("work_mem") == "7MB")
    #expect(try setting("application_name") == "PostgresClientTests")
    #expect(try setting("client_encoding") == "UTF8")
  }

  @Test func `a setting that the server does not know fails the connection`() throws {
    let connection = try testConnection(settings: ["no_such_setting": "1"])
    #expect(failure { () throws(PostgresError) in try connection.connect() }?.sqlState == "42704")
    #expect(!connection.isConnected)
  }

  @Test func `after a loss one call fails and the next one connects anew`() throws {
    let connection = try testConnection()
    let statement = PostgresStatement(name: "one", sql: "SELECT 1")
    _ = try connection.execute(statement)
    let pid = try #require(connection.backendPID)
    try terminate(pid)
    let error = failure { () throws(PostgresError) in _ = try connection.execute(statement) }
    #expect(error?.isUnreachable == true)
    #expect(error?.description.contains("terminating connection due to administrator command") == true)
    #expect(!connection.isConnected)
    #expect(try connection.execute(statement)[0].int64(0) == 1)
    #expect(connection.backendPID != pid)
  }

  @Test(arguments: ["postgresql://[", "postgresql://me:s3cret@[", "host=x s3cret", "nonsense", "passwort=s3cret"])
  func `an unreadable connection string is named, never quoted`(conninfo: String) throws {
    let error = failure { () throws(PostgresError) in try connection(to: conninfo).connect() }
    guard case .badConnectionString = error else {
      Issue.record("\(error as Any)")
      return
    }
    let description = try #require(error?.description)
    #expect(!description.contains("s3cret") && !description.contains("\n"))
  }

  @Test(arguments: ["postgresql://me:a@s3cret@localhost/x", "postgresql://me:s3cret/b@localhost/x"])
  func `a URL's password with bare separators does not end up in a message as host or port`(conninfo: String) {
    let error = failure { () throws(PostgresError) in try connection(to: conninfo).connect() }
    #expect(error?.description.contains("s3cret") == false)
    #expect(error?.description.contains("%40") == true)
  }

  @Test func `a missing database is told from a server that is away`() throws {
    let conninfo = try TestServers.postgresURL() + " dbname=no_such_database"
    let error = failure { () throws(PostgresError) in
      try connection(to: conninfo).connect()
    }
    guard case .databaseMissing(let message) = error else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(message.contains(#"database "no_such_database" does not exist"#))
    #expect(error?.description.contains("\n") == false)
    #expect(error?.isOutage == false)
  }

  @Test func `a missing role is an authentication error`() throws {
    let conninfo = try TestServers.postgresURL() + " user=no_such_role"
    let error = failure { () throws(PostgresError) in
      try connection(to: conninfo).connect()
    }
    guard case .authentication = error else {
      Issue.record("\(error as Any)")
      return
    }
  }

  @Test func `nobody listening is unreachable`() {
    let error = failure { () throws(PostgresError) in
      try connection(to: "host=/nonexistent dbname=x").connect()
    }
    #expect(error?.isUnreachable == true)
    #expect(error?.isOutage == true)
    #expect(error?.description.contains("\n") == false)
  }

  @Test func `a server that accepts and says nothing does not hold a caller beyond its timeout`() throws {
    let listener = try SilentListener()
    let start = ContinuousClock.now
    let error = failure { () throws(PostgresError) in
      try connection(to: "host=127.0.0.1 port=\(listener.port) dbname=x user=x", timeout: .milliseconds(300)).connect()
    }
    #expect(error?.isUnreachable == true)
    #expect(ContinuousClock.now - start < .seconds(5))
    #expect(ContinuousClock.now - start >= .milliseconds(300))
  }
}

/// Listens on loopback; the kernel completes connections that nobody ever accepts.
final class SilentListener {
  let port: UInt16
  private let descriptor: Int32

  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listening = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 4) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    self.descriptor = descriptor
    port = UInt16(bigEndian: address.sin_port)
    guard descriptor >= 0, listening else { throw CocoaError(.featureUnsupported) }
  }

  deinit { close(descriptor) }
}
