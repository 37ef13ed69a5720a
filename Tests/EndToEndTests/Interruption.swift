import Foundation
import TestSupport
import Testing

/// How far the only scan of a deployment has come, as Postgres has it at one moment.
struct Standing {
  let status: String
  let filesSeen: Int64
  let directoriesSeen: Int64
  /// Slices that are not done.
  let open: Int64
  let running: Int64
  let done: Int64
  let attempts: Int64
  /// Slices that were claimed and given back.
  let returned: Int64
  /// Entries that the done slices have counted.
  let doneEntries: Int64
  /// Bytes of rows of files, committed or not.
  let written: Int64

  init(_ deployment: TestDeployment) throws {
    let rows = try deployment.database.query(
      """
      SELECT sc.status, sc.files_seen, sc.directories_seen, count(*) FILTER (WHERE s.state <> 'done'),
             count(*) FILTER (WHERE s.state = 'running'), count(*) FILTER (WHERE s.state = 'done'),
             coalesce(sum(s.attempts), 0), coalesce(sum(s.entries) FILTER (WHERE s.state = 'done'), 0),
             count(*) FILTER (WHERE s.state = 'queued' AND s.epoch > 0),
             (SELECT sum(pg_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'files'::regclass)
        FROM scans sc LEFT JOIN slices s ON s.scan_id = sc.id GROUP BY sc.id
      """)
    let fields = try #require(rows.first).split(separator: "\t")
    let numbers = try fields.dropFirst().map { try #require(Int64($0)) }
    status = String(fields[0])
    (filesSeen, directoriesSeen, open, running) = (numbers[0], numbers[1], numbers[2], numbers[3])
    (done, attempts, doneEntries, returned, written) = (numbers[4], numbers[5], numbers[6], numbers[7], numbers[8])
  }
}

/// Stops a worker (SIGSTOP) at a moment of its scan; a machine that is slow to look cannot miss it, because
/// the worker stands still while it is looked at.
func freeze(
  _ worker: ChildProcess, in deployment: TestDeployment, when isTime: (Standing) -> Bool
) throws -> Standing {
  try eventually("the scan is in its middle") {
    worker.send(SIGSTOP)
    let standing = try Standing(deployment)
    if isTime(standing) { return standing }
    worker.send(SIGCONT)
    return nil
  }
}

/// Lets a worker run a tenth of the time, so that what it is at lasts longer, and then as fast as it can.
func slowDown(_ worker: ChildProcess, for duration: Duration) {
  let end = ContinuousClock.now + duration
  while ContinuousClock.now < end {
    worker.send(SIGCONT)
    usleep(2_000)
    worker.send(SIGSTOP)
    usleep(18_000)
  }
  worker.send(SIGCONT)
}

/// How long a worker lives on after it has been told to end, but for the time in which the machine ran others.
func endingTime(of worker: ChildProcess, by tell: () -> Void) throws -> Duration {
  let watch = StallWatch()
  let begin = ContinuousClock.now
  tell()
  _ = try worker.wait()
  let ending = ContinuousClock.now - begin
  return ending - watch.lostTime()
}

/// A scan of a directory of more files than a worker keeps to sort them, whose only worker stands still in
/// its middle: rows are sent, and nothing is committed.
struct GiantDirectory {
  let tree: TestTree
  let deployment: TestDeployment
  let worker: ChildProcess

  init() throws {
    tree = try TestTree(inMemory: true)
    for index in 0..<300_000 { try tree.file("\(index)") }
    deployment = try TestDeployment()
    try deployment.addLibrary(tree.root)
    worker = try deployment.worker(slots: 1)
    try deployment.succeed(["scan", "x"])
    let before = try freeze(worker, in: deployment) { $0.written > 0 }
    try #require(before.status == "running")
    try #require(before.running == 1)
    try #require(before.filesSeen == 0)
  }
}
