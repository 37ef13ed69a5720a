import BlockingThread
import Catalog
import JobQueue
import ScanModel
import Synchronization
import Worker

/// The roots of libraries on this host, and what the workers of their queues say of them.
struct LibraryChecks {
  /// How long this host's file systems may take, each.
  private static let patience = Duration.seconds(10)
  /// How long a worker may take to look at a root that has just come to be: some ticks of its health thread and its
  /// heartbeat.
  private static let wait = Duration.seconds(8)
  /// More mount points than anybody mends one by one.
  private static let mostMounts = 20

  private let catalog: Catalog
  private let queues: RedisQueues?
  private let configuration: Configuration
  private let host = localHostName()

  /// - Parameter queues: `nil` where Redis cannot be asked.
  init(_ catalog: Catalog, _ queues: RedisQueues?, _ configuration: Configuration) {
    self.catalog = catalog
    self.queues = queues
    self.configuration = configuration
  }

  func findings(of libraries: [ServedLibrary]) throws -> [PreflightFinding] {
    var sights: [RootSight?] = []
    for library in libraries { sights.append(try look(at: library)) }
    let answers = answers(of: libraries)
    return zip(libraries, zip(sights, answers)).flatMap { library, found in
      let (sight, (answers, worker)) = found
      var findings = [root(library, sight, answers)]
      if case .seen(_, let guarded, let missing)? = sight { findings += mounts(library, guarded, missing) }
      return findings + [worker]
    }
  }

  // MARK: This host

  /// `nil` where the file system does not answer.
  private func look(at library: ServedLibrary) throws -> RootSight? {
    let recorded = try catalog.recordedMounts(of: library, host: host)
    let allowed = configuration.allowedRoots
    let sight = Sight()
    // Its end is not waited for: one that hangs ends with the program.
    let thread = try BlockingThread(name: "look") { sight.set(RootSight(of: library, recorded, allowed: allowed)) }
    thread.join(for: Self.patience)
    return sight.value
  }

  private func root(_ library: ServedLibrary, _ sight: RootSight?, _ answers: RootAnswers?) -> PreflightFinding {
    let failure: PreflightFinding
    let reason: String
    switch sight {
    case .seen(let identity, _, _):
      return PreflightFinding(.root, .ok, library: library.name, "\(library.rootPath) is there: \(identity)")
    case .unseen(let message, let why):
      failure = PreflightFinding(.root, library: library.name, failure: message)
      reason = why.text
    case nil:
      failure = PreflightFinding(
        .root, .failure(advice: "see whether its server and the network are up"), library: library.name,
        "\(library.rootPath) on host \(host) does not answer; looked for \(Self.patience / .seconds(1)) s")
      reason = "its file system does not answer"
    }
    guard let answers, answers.isSeen else { return failure }
    let message =
      "\(library.rootPath) is not mounted on this host (\(reason)), but workers see it on "
      + answers.seeingHosts.joined(separator: ", ")
    // A worker here would refuse every slice that it takes.
    let verdict: PreflightFinding.Verdict = answers.serves(host) ? .warning(advice: failure.advice ?? "") : .ok
    return PreflightFinding(.root, verdict, library: library.name, message)
  }

  private func mounts(_ library: ServedLibrary, _ guarded: Int, _ missing: [String]) -> [PreflightFinding] {
    guard guarded > 0 else { return [] }
    guard !missing.isEmpty else {
      let message =
        guarded == 1 ? "the mount point below the root is" : "the \(guarded) mount points below the root are"
      return [PreflightFinding(.mounts, .ok, library: library.name, "\(message) as on record")]
    }
    var findings = missing.prefix(Self.mostMounts).map { line in
      let failure = PreflightFinding(.mounts, failure: line)
      return PreflightFinding(
        .mounts, .warning(advice: failure.advice ?? ""), library: library.name,
        "\(failure.message): a scan would be partial")
    }
    if missing.count > findings.count {
      findings.append(
        PreflightFinding(
          .mounts, .warning(advice: "mend those above first"), library: library.name,
          "\(missing.count - findings.count) more mount points are missing"))
    }
    return findings
  }

  // MARK: Workers

  /// What the workers of each library's queue say, where they can be asked, and what that means.
  private func answers(of libraries: [ServedLibrary]) -> [(RootAnswers?, PreflightFinding)] {
    do throws(QueueError) {
      guard let queues else {
        return libraries.map { library in
          let message = "whether a worker serves queue \(library.queue) cannot be told without Redis"
          return (
            nil, PreflightFinding(.worker, .warning(advice: "see to Redis first"), library: library.name, message)
          )
        }
      }
      let patience = max(configuration.healthInterval * 3, .seconds(60))
      return try answers(of: libraries, queues).map { ($0, $0.finding(patience: patience)) }
    } catch {
      return libraries.map { (nil, PreflightFinding(.worker, library: $0.name, failure: "\(error)")) }
    }
  }

  /// Waits a moment for workers that have not looked so far.
  private func answers(of libraries: [ServedLibrary], _ queues: RedisQueues) throws(QueueError) -> [RootAnswers] {
    let deadline = ContinuousClock.now + Self.wait
    let end = StopSignal()
    while true {
      var workers: [String: [RegisteredWorker]] = [:]
      for queue in Set(libraries.map(\.queue)) { workers[queue] = try queues.workers(of: queue) }
      let answers = libraries.map { RootAnswers(of: $0, workers[$0.queue, default: []]) }
      guard ContinuousClock.now < deadline, answers.contains(where: \.isPending) else { return answers }
      end.wait(for: .milliseconds(250))
    }
  }
}

/// What a look has found, once it has ended.
private final class Sight: Sendable {
  private let found = Mutex<RootSight?>(nil)

  var value: RootSight? { found.withLock { $0 } }
  func set(_ sight: RootSight) { found.withLock { $0 = sight } }
}
