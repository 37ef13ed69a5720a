import Foundation
import TestSupport
import Testing

/// A host: mounts and a name of its own, and a worker while it is started. One thread owns it.
final class MountHost {
  /// Keeps the name spaces.
  private let keeper: ChildProcess
  private var worker: ChildProcess?
  private let deployment: TestDeployment

  /// What runs a program with mounts of its own; `nil` where that is not permitted, as in many containers, which is
  /// told.
  static let wrapper: [String]? = {
    let unshare = ["unshare", "--mount", "--uts"] + (geteuid() == 0 ? [] : ["--map-root-user"])
    let trial = try? ChildProcess(unshare + ["mount", "-t", "tmpfs", "rollcall-test", "/mnt"])
    if (try? trial?.wait())?.code == 0 { return unshare }
    print("NOT RUN: scans of roots and nested mounts that come and go, as mounting is not permitted here")
    return nil
  }()

  init(_ name: String, in deployment: TestDeployment, wrapper: [String]) throws {
    self.deployment = deployment
    keeper = try ChildProcess(wrapper + ["sh", "-c", #"hostname "$0" && echo there && exec sleep 100000"#, name])
    let keeper = keeper
    try eventually("a host of its own") { keeper.outputSoFar.contains("there") ? () : nil }
  }

  func start() throws { worker = try deployment.worker(wrapper: inside) }

  func stop() throws {
    worker?.send(SIGTERM)
    _ = try worker?.wait()
    worker = nil
  }

  /// What the worker has logged.
  var log: String { worker?.errorsSoFar ?? "" }

  /// Runs a program on the host.
  var inside: [String] {
    ["nsenter", "--mount", "--uts", "--target", "\(keeper.pid)"]
      + (geteuid() == 0 ? [] : ["--user", "--preserve-credentials"])
  }

  /// Runs a shell script with the path as `$0`.
  func run(_ script: String, _ path: String) throws { try TestSupport.run(inside + ["sh", "-ec", script, path]) }

  /// What stat(1) says of a path.
  func status(_ format: String, _ path: String) throws -> String {
    String(decoding: try TestSupport.run(inside + ["stat", "-c", format, path]), as: UTF8.self)
  }

  func rollcall(_ words: String...) throws -> ChildProcess.Ended {
    try deployment.start(words, wrapper: inside).wait()
  }

  /// `library set x --accept-root`; what it said.
  @discardableResult
  func accept() throws -> String {
    let ended = try rollcall("library", "set", "x", "--accept-root")
    try #require(ended.code == 0, "\(ended.errors)")
    return ended.text
  }
}

/// What is catalogued, tuple by tuple as far as nothing may be written.
struct CataloguedRows: Equatable {
  let files: [String]
  let directories: [String]

  /// - Parameter top: only what lies below the directory of that name, and itself.
  init(_ deployment: TestDeployment, below top: String? = nil) throws {
    let names = top.map { "name = convert_to('\($0)', 'UTF8')" } ?? "parent_id IS NULL"
    let tree = """
      WITH RECURSIVE tree AS (
        SELECT * FROM directories WHERE \(names)
        UNION ALL SELECT d.* FROM tree t JOIN directories d ON d.parent_id = t.id)
      """
    files = try deployment.database.query(
      "\(tree) SELECT f.ctid, f.xmin, f.* FROM files f JOIN tree t ON t.id = f.directory_id ORDER BY f.id")
    // That its mount is missing stands in the row of a mount point.
    directories = try deployment.database.query("\(tree) SELECT to_jsonb(tree) - 'unread' FROM tree ORDER BY id")
  }
}

extension TestDeployment {
  /// The ids and paths of live files.
  func liveFiles() throws -> [String] {
    try database.query("SELECT id, path_text FROM catalog_files WHERE removed_at IS NULL ORDER BY 1")
  }

  /// Every tuple of what is on record of mounts.
  func mountRecords() throws -> [String] {
    try database.query("SELECT ctid, xmin, * FROM library_mounts ORDER BY directory_id, host")
  }

  /// Each error of a scan and where it is.
  func errors(of scan: ScanResult) throws -> [String] {
    try database.query(
      "SELECT error_type, convert_from(path, 'UTF8') FROM scan_errors WHERE scan_id = \(scan.id) ORDER BY 1, 2")
  }

  func message(of scan: ScanResult) throws -> String {
    try #require(try database.query("SELECT error_message FROM scan_errors WHERE scan_id = \(scan.id)").first)
  }
}
