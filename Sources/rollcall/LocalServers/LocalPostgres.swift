import Foundation

/// The private Postgres: no TCP port, one role (`rollcall`, trusted, because only its own account can enter
/// the socket's directory), one database of the same name.
struct LocalPostgres {
  private static let initialisePatience = Duration.seconds(120)

  let directory: DataDirectory
  let programs: ServerPrograms
  let account: Account

  /// The major version that made the cluster; `nil` if there is none yet.
  static func clusterVersion(_ directory: DataDirectory) -> Int? {
    let bytes = FileManager.default.contents(atPath: directory.postgres + "/PG_VERSION")
    return bytes.flatMap { Int(trimmed(String(decoding: $0, as: UTF8.self))) }
  }

  /// Ends what an earlier `up` that was killed has left running.
  func endLeftover() {
    var left = ServerProcess.left(in: directory.postgresProcessFile, mark: directory.postgres)
    left?.end(Self.endings)
    removeStaleProcessFiles()
  }

  /// Postgres refuses to start while the process id of its last run is alive, although after a power cut or
  /// in a restarted container it is some other program's. No postgres at all there: the files mean nothing.
  private func removeStaleProcessFiles() {
    for file in [directory.postgresProcessFile, directory.postgresSocketProcessFile]
    where ServerProcess.left(in: file, mark: "postgres") == nil {
      unlink(file)
    }
  }

  /// Makes the cluster unless there is one.
  func initialise() throws(LocalServersError) {
    try requireAccess()
    if Self.clusterVersion(directory) != nil { return try DataDirectory.make(directory.postgres, owner: account) }
    do {
      if FileManager.default.fileExists(atPath: directory.newPostgres) {
        try FileManager.default.removeItem(atPath: directory.newPostgres)
      }
    } catch {
      throw LocalServersError(
        description: "cannot remove \(directory.newPostgres), half a cluster of an earlier start; remove it",
        cause: .directory)
    }
    try DataDirectory.make(directory.newPostgres, owner: account)
    let options = ["--username=rollcall", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
    try run(["initdb", "--pgdata", directory.newPostgres] + options, patience: Self.initialisePatience)
    guard rename(directory.newPostgres, directory.postgres) == 0 else {
      throw systemError("cannot rename \(directory.newPostgres) to \(directory.postgres)")
    }
  }

  /// Returns when it accepts connections and the database is there.
  func start() throws(LocalServersError) -> ServerProcess {
    let arguments = [
      "\(programs.postgres)/postgres", "-D", directory.postgres, "-k", directory.postgresRun, "-p", "5432",
      "-c", "listen_addresses=", "-c", "unix_socket_permissions=0700",
    ]
    return try .launch(
      "Postgres", account.prefix(programs) + arguments, log: directory.postgresLog, endings: Self.endings
    ) { () throws(LocalServersError) in
      guard try isReady() else { return false }
      try createDatabase()
      return true
    }
  }

  /// Fast shutdown, then immediate (recovers at the next start), then the last resort.
  static let endings: [(signal: Int32, patience: Duration)] = [
    (SIGINT, .seconds(30)), (SIGQUIT, .seconds(10)), (SIGKILL, .seconds(5)),
  ]

  /// As root the account must be able to pass through every directory above.
  private func requireAccess() throws(LocalServersError) {
    let look = try runProgram(
      account.prefix(programs) + ["/usr/bin/test", "-x", directory.postgresRun], patience: .seconds(10))
    guard look.succeeded else {
      throw LocalServersError(
        description: "user \(account.name), which Postgres runs as, cannot enter \(directory.path): "
          + "choose a directory that every user may pass through with --data", cause: .directory)
    }
  }

  private func isReady() throws(LocalServersError) -> Bool {
    let command = [
      "\(programs.postgres)/pg_isready", "-q", "-h", directory.postgresRun, "-p", "5432", "-U", "rollcall", "-d",
      "postgres",
    ]
    return try runProgram(account.prefix(programs) + command, patience: .seconds(10)).succeeded
  }

  private func createDatabase() throws(LocalServersError) {
    let server = ["-h", directory.postgresRun, "-p", "5432", "-U", "rollcall"]
    let query = "SELECT count(*) FROM pg_database WHERE datname = 'rollcall'"
    let count = try run(["psql"] + server + ["-XAtd", "postgres", "-c", query])
    if trimmed(count) == "0" { try run(["createdb"] + server + ["--maintenance-db=postgres", "rollcall"]) }
  }

  /// Runs one of PostgreSQL's own programs as the account and returns what it wrote.
  @discardableResult
  private func run(_ command: [String], patience: Duration = .seconds(30)) throws(LocalServersError) -> String {
    let arguments = ["\(programs.postgres)/\(command[0])"] + command.dropFirst()
    let result = try runProgram(account.prefix(programs) + arguments, patience: patience)
    guard result.succeeded else {
      throw LocalServersError(description: "\(command[0]) failed: \(lastLines(result.output))")
    }
    return result.output
  }
}
