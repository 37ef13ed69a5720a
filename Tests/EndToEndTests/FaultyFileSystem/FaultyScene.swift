import Foundation
import TestSupport

/// A library `x` whose worker's file system can be made faulty. Of the tree, faults strike what is called
/// `faulty`; what lies beside it has to be right nevertheless. One thread owns it.
///
///     top  before/{gone, 0 … 9}  later/{0 … 9}
///     faulty/{file 10 … file 69}  faulty/below/{0 … 9}  faulty/below/deep/{0 … 9}
final class FaultyScene {
  let tree: TestTree
  let deployment: TestDeployment
  let fileSystem: FaultyFileSystem
  private var processes: [ChildProcess] = []
  private var wrong: [String] = []

  /// - Parameter rules: further arguments of `library add`.
  init(settings: [String: String] = [:], rules: [String] = []) throws {
    tree = try TestTree(inMemory: true)
    try tree.file("top")
    for directory in ["before", "later", "faulty", "faulty/below", "faulty/below/deep"] {
      try tree.directory(directory)
      for index in 0..<10 where directory != "faulty" { try tree.file("\(directory)/\(index)", bytes: index) }
    }
    try tree.file("before/gone")
    for index in 10..<70 { try tree.file("faulty/file \(index)", bytes: index) }
    // What is planned strikes scans, and not the worker's own looks at roots.
    let rarely = ["ROLLCALL_HEALTH_INTERVAL": "1 h"]
    deployment = try TestDeployment(settings: rarely.merging(settings) { $1 })
    fileSystem = try FaultyFileSystem(tree: tree.root)
    try deployment.succeed(["library", "add", "x", tree.root] + rules)
  }

  /// Starts a worker that the faults strike, or a healthy one.
  @discardableResult
  func worker(_ name: String = "struck", slots: Int = 2, isStruck: Bool = true) throws -> ChildProcess {
    let more = isStruck ? try fileSystem.environment() : [:]
    let worker = try deployment.worker(slots: slots, ["--name", name], more: more)
    processes.append(worker)
    return worker
  }

  @discardableResult
  func reaper() throws -> ChildProcess {
    let reaper = try deployment.reaper()
    processes.append(reaper)
    return reaper
  }

  /// This one may end.
  func forget(_ process: ChildProcess) { processes.removeAll { $0 === process } }

  /// A scan during which these faults strike, each of them at least once.
  func scan(under faults: [Fault]) throws -> ScanResult {
    try fileSystem.plan(faults)
    let scan = try deployment.scan()
    require("what struck nobody", try fileSystem.unstruck(), [])
    try fileSystem.plan([])
    return scan
  }

  /// A scan without faults, after which all is right: the catalogue is the tree, and no error is left.
  func expectHealthyScan() throws {
    let scan = try deployment.scan()
    try expectExact(scan)
  }

  /// A scan has ended so.
  func expectExact(_ scan: ScanResult) throws {
    let rows = try TreeRows(of: tree.root, in: deployment)
    require("status", scan.status, "completed")
    require("the error", scan.errorMessage, nil)
    require("differences", try rows.differences(), [])
    require("what is miscounted", try rows.miscounted(), [])
    require("files_seen", scan.filesSeen, try rows.files)
    require("directories_seen", scan.directoriesSeen, try rows.directories)
    require("bytes_seen", scan.bytesSeen, try rows.bytes)
    require("errors_count", scan.errorsCount, 0)
    require("open errors", try errors(of: scan), [])
    try expectNothingStaged()
    try settle("a healthy scan")
  }

  func expectNothingStaged() throws {
    let staged = try deployment.database.query("SELECT convert_from(name, 'UTF8') FROM staged_removals ORDER BY 1")
    require("staged removals", staged, [])
  }

  /// What really goes and comes between two scans: a file each in the faulty directory and beside it.
  func changeTree() throws {
    for gone in ["before/gone", "faulty/file 33"] where unlink(tree.path(gone)) != 0 { throw broken("no \(gone)") }
    for new in ["later/new", "faulty/new"] { try tree.file(new, bytes: 5) }
  }

  func require<Value: Equatable>(_ name: String, _ value: Value, _ expected: Value) {
    if value != expected { wrong.append("\(name): \(value) and not \(expected)") }
  }

  /// Throws what was required so far and was not so.
  func settle(_ what: String) throws {
    if processes.contains(where: { !$0.isRunning }) { wrong.append("a process has ended") }
    guard wrong.isEmpty else { throw broken("\(what): " + wrong.joined(separator: "; ")) }
  }

  /// An error that says all that may tell why.
  func broken(_ what: String) -> Broken {
    let logs = processes.map { "--- \($0.pid):\n" + $0.errorsSoFar.suffix(3_000) }
    return Broken(description: ([what, deployment.everything()] + logs).joined(separator: "\n"))
  }
}

extension FaultyScene {
  /// What a scan says is wrong, as `path operation errno type`, sorted.
  func errors(of scan: ScanResult) throws -> [String] {
    try deployment.database.query(
      """
      SELECT concat_ws(' ', nullif(convert_from(path, 'UTF8'), ''), operation, errno, error_type) FROM scan_errors
       WHERE scan_id = \(scan.id) ORDER BY 1
      """)
  }

  /// The library's live rows with their ids, by path.
  func rows() throws -> [String: String] {
    let rows = try deployment.database.query(
      """
      SELECT path_text, 'file ' || id, size, mtime_ns, ctime_ns, inode, mode, first_scan FROM catalog_files
       WHERE library = 'x' AND removed_at IS NULL
      UNION ALL
      SELECT path_text || '/', 'directory ' || id, NULL, NULL, NULL, inode, NULL, NULL FROM catalog_directories
       WHERE library = 'x' AND removed_at IS NULL
      """)
    let paths = rows.map { String($0.prefix { $0 != "\t" }) }
    return Dictionary(zip(paths, rows)) { first, second in "two rows: \(first) and \(second)" }
  }
}
