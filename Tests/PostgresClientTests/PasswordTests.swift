import PostgresClient
import TestSupport
import Testing

@Suite struct PasswordTests {
  @Test func `a wrong password and a missing one are authentication errors that do not show it`() throws {
    let cluster = try PrivatePostgres(password: "right")
    let server = cluster.conninfo
    try cluster.waitUntilReady(password: "right")
    for wrong in ["\(server) password=s3cret", server] {
      let error = failure { () throws(PostgresError) in try connection(to: wrong).connect() }
      guard case .authentication = error else {
        Issue.record("\(error as Any)")
        return
      }
      #expect(error?.isOutage == false)
      #expect(error?.description.contains("s3cret") == false)
      #expect(error?.description.contains("\n") == false)
      #expect(error?.description.contains("LOCATION") == false)
    }
  }
}
