import CLibPQ
import Glibc
import Logging

extension PostgresOptions {
  /// Connects within `connectTimeout` and makes the session's settings.
  func openSession(logger: Logger) throws(PostgresError) -> Session {
    let notices = NoticeLog(logger: logger)
    let parameters = try connectionParameters()
    let keywords = parameters.map { strdup($0.keyword) } + [nil]
    let values = parameters.map { strdup($0.value) } + [nil]
    defer { (keywords + values).forEach { free($0) } }
    guard
      let connection = PQconnectStartParams(
        keywords.map { UnsafePointer($0) }, values.map { UnsafePointer($0) }, /* expand_dbname: */ 0)
    else { throw .unreachable("out of memory") }
    notices.attach(to: connection)
    do {
      try finishConnecting(connection)
    } catch {
      withExtendedLifetime(notices) { PQfinish(connection) }
      throw error
    }
    let session = try Session(connection, notices: notices)
    try apply(settings, to: session)
    return session
  }

  private func finishConnecting(_ connection: OpaquePointer) throws(PostgresError) {
    // Verbose, because libpq gives the SQLSTATE of a refused login only as a part of the text.
    PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
    let patience = Patience("connect", connectTimeout)
    var next = PGRES_POLLING_WRITING
    if PQstatus(connection) == CONNECTION_BAD { next = PGRES_POLLING_FAILED }
    while next != PGRES_POLLING_OK {
      guard next != PGRES_POLLING_FAILED else { throw LoginFailure(libpqMessage(connection)).error }
      do {
        _ = try pollSocket(of: connection, for: next == PGRES_POLLING_READING ? POLLIN : POLLOUT, patience)
      } catch .deadline {
        throw silence(of: connection)
      }
      next = PQconnectPoll(connection)
    }
    PQsetErrorVerbosity(connection, PQERRORS_DEFAULT)
  }

  private func silence(of connection: OpaquePointer) -> PostgresError {
    let host = PQhost(connection).map { String(cString: $0) } ?? ""
    let port = PQport(connection).map { String(cString: $0) } ?? ""
    return .unreachable("\(host) port \(port) gave no answer within \(connectTimeout)")
  }

  private func apply(_ settings: [(name: String, value: String)], to session: Session) throws(PostgresError) {
    guard !settings.isEmpty else { return }
    let statement = PostgresStatement(
      name: "session settings",
      sql: "SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS setting (name, value)")
    let parameters = try EncodedParameters([.textArray(settings.map(\.name)), .textArray(settings.map(\.value))])
    var patience = Patience(statement.name, connectTimeout)
    do {
      _ = try session.execute(statement, parameters, &patience)
    } catch .deadline {
      throw silence(of: session.connection)
    }
  }

  /// The user's parameters, with what this client needs and with keepalives unless the user set them.
  private func connectionParameters() throws(PostgresError) -> [(keyword: String, value: String)] {
    var parameters = try parsedConninfo()
    try refuseSplitPassword(parameters)
    parameters["application_name"] = applicationName
    parameters["client_encoding"] = "UTF8"
    // A peer that vanished is noticed after about 20 s, whether we are waiting for it or sending to it.
    let detection = [
      "keepalives_idle": "10", "keepalives_interval": "3", "keepalives_count": "3", "tcp_user_timeout": "20000",
    ]
    parameters.merge(detection) { users, _ in users }
    return parameters.map { (keyword: $0.key, value: $0.value) }
  }

  /// A URL's password with a bare `@`, `:` or `/` ends up in the host or port, and so in libpq's messages.
  private func refuseSplitPassword(_ parameters: [String: String]) throws(PostgresError) {
    let hosts = (parameters["host"] ?? "").split(separator: ",")
    let ports = parameters["port"] ?? ""
    // A host that begins with an @ is an abstract Unix socket.
    guard hosts.contains(where: { $0.dropFirst().contains("@") }) || !ports.allSatisfy({ $0.isNumber || $0 == "," })
    else { return }
    throw .badConnectionString("host or port is malformed; in a URL's password write @ : / as %40 %3A %2F")
  }

  private func parsedConninfo() throws(PostgresError) -> [String: String] {
    var reason: UnsafeMutablePointer<CChar>?
    guard let options = PQconninfoParse(conninfo, &reason) else {
      defer { PQfreemem(reason) }
      throw .badConnectionString(Self.withoutQuotations(reason.map { String(cString: $0) } ?? "out of memory"))
    }
    defer { PQconninfoFree(options) }
    var parsed: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val { parsed[String(cString: keyword)] = String(cString: value) }
      option += 1
    }
    return parsed
  }

  /// libpq quotes from the string what it does not understand, which may be the password or all of it; what stands
  /// before the first quotation longer than one character says enough.
  private static func withoutQuotations(_ message: String) -> String {
    let parts = message.onOneLine.split(separator: "\"", omittingEmptySubsequences: false)
    let quotation = parts.indices.first { $0 % 2 == 1 && parts[$0].count > 1 } ?? parts.endIndex
    return parts[..<quotation].joined(separator: "\"").trimmingSuffix(while: { $0 == " " || $0 == ":" })
  }
}

/// What libpq says about a refused connection, sorted by its SQLSTATE.
struct LoginFailure {
  let error: PostgresError

  init(_ message: String) {
    // "… failed: FATAL:  28P01: password authentication failed for user "x"; LOCATION:  auth_failed, auth.c:326"
    let text = message.replacing(/; LOCATION:  [^;]*/, with: "")
    let state = text.matches(of: #/:  ([0-9A-Z]{5}): /#).last.map { String($0.output.1) }
    let readable = text.replacing(#/:  ([0-9A-Z]{5}): /#, with: ": ")
    if state == "3D000" {
      error = .databaseMissing(readable)
    } else if state?.hasPrefix("28") == true || text.contains("no password supplied") {
      error = .authentication(readable)
    } else {
      error = .unreachable(state.map { "\(readable) [\($0)]" } ?? readable)
    }
  }
}

extension StringProtocol {
  fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
    var rest = self[...]
    while let last = rest.last, predicate(last) { rest = rest.dropLast() }
    return String(rest)
  }
}
