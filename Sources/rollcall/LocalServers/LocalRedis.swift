import Foundation

/// The private Redis: no TCP port, every write in the append-only file, nothing is ever evicted.
struct LocalRedis {
  let directory: DataDirectory
  let programs: ServerPrograms

  /// Ends what an earlier `up` that was killed has left running.
  func endLeftover() {
    var left = ServerProcess.left(in: directory.redisProcessFile, mark: directory.redis)
    left?.end(Self.endings)
  }

  /// Returns when it answers.
  func start() throws(LocalServersError) -> ServerProcess {
    try .launch("Redis", arguments, log: directory.redisLog, endings: Self.endings, isReady: ping)
  }

  /// SIGTERM lets it finish the append-only file.
  static let endings: [(signal: Int32, patience: Duration)] = [
    (SIGTERM, .seconds(15)), (SIGKILL, .seconds(5)),
  ]

  private var arguments: [String] {
    [
      programs.redisServer, "--port", "0", "--unixsocket", directory.redisSocket, "--unixsocketperm", "700",
      "--dir", directory.redis, "--pidfile", directory.redisProcessFile, "--appendonly", "yes", "--save", "",
      "--maxmemory-policy", "noeviction", "--daemonize", "no", "--supervised", "no",
    ]
  }

  /// Whether it serves commands; one that still loads its data says so instead.
  private func ping() throws(LocalServersError) -> Bool {
    let answer = try runProgram([programs.redisCLI, "-s", directory.redisSocket, "ping"], patience: .seconds(5))
    return answer.succeeded && trimmed(answer.output) == "PONG"
  }
}
