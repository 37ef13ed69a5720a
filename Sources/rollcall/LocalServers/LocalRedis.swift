import Foundation

/// The private Redis: no TCP port, every write in the append-only file, nothing is ever evicted.
struct LocalRedis {
  private static let startPatience = Duration.seconds(60)

  let directory: DataDirectory
  let programs: ServerPrograms

  /// Ends what an earlier `up` that was killed has left running.
  func endLeftover() {
    var left = ServerProcess.left(in: directory.redisProcessFile, mark: directory.redis)
    left?.end(Self.endings)
  }

  /// Returns when it answers.
  func start() throws(LocalServersError) -> ServerProcess {
    let log = try ServerLog(directory.redisLog)
    var process = try ServerProcess.start(arguments, output: log.descriptor)
    do throws(LocalServersError) {
      let answers = try wait(atMost: Self.startPatience) { () throws(LocalServersError) in
        process.isRunning ? try ping() : true
      }
      guard answers, process.isRunning else {
        throw LocalServersError(description: "Redis did not start: \(log.tail()); see \(log.path)")
      }
      return process
    } catch {
      process.end(Self.endings)
      throw error
    }
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
