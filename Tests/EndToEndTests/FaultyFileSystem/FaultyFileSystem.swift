import Foundation
import TestSupport

/// Makes a file system faulty for programs that are started with its environment: their system calls below one
/// tree fail, hang or lie by a plan, which can be exchanged while they run. One thread owns it.
final class FaultyFileSystem {
  private let tree: String
  private let directory: TemporaryDirectory
  private var faults: [Fault] = []

  /// Healthy, until it is told otherwise.
  ///
  /// - Parameter tree: outside of it nothing is ever touched.
  init(tree: String) throws {
    self.tree = tree
    directory = try TemporaryDirectory()
    // Some workers are another user's.
    chmod(directory.path, 0o777)
    try plan([])
  }

  /// For `ChildProcess`.
  func environment() throws -> [String: String] {
    ["LD_PRELOAD": try Self.shim.get(), "FAULTY_PLAN": plan, "FAULTY_STRIKES": strikes]
  }

  private var plan: String { directory.appending("plan") }
  private var strikes: String { directory.appending("strikes") }

  /// What happens from now on, in place of what was planned before; what hangs goes on.
  func plan(_ faults: [Fault]) throws {
    self.faults = faults
    try Data().write(to: URL(filePath: strikes))
    let text = ([tree] + faults.map(\.line)).joined(separator: "\n") + "\n"
    try Data(text.utf8).write(to: URL(filePath: plan + ".new"))
    guard rename(plan + ".new", plan) == 0 else { throw CocoaError(.fileWriteUnknown) }
  }

  /// How often each of the planned faults has struck.
  func strikeCounts() throws -> [Int] {
    let text = try String(contentsOfFile: strikes, encoding: .utf8)
    let places = text.split(separator: "\n").compactMap { $0.split(separator: " ").first.flatMap { Int($0) } }
    return faults.indices.map { place in places.count { $0 == place } }
  }

  /// The faults of the plan that have not struck, of which a test thus says nothing.
  func unstruck() throws -> [String] {
    try zip(faults, strikeCounts()).filter { $1 == 0 }.map(\.0.line)
  }

  /// The library for LD_PRELOAD, made once a run by the compiler that has made the C parts of the program.
  private static let shim = Result { try compiled() }

  private static func compiled() throws -> String {
    let sources = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../FaultyFileSystem").standardized.path
    let program = URL(filePath: try RollcallBinary.debugPath())
    let library = program.deletingLastPathComponent().appending(path: "faulty-file-system.so").path
    // Another run may use the one that is there.
    let made = "\(library).\(getpid())"
    try run(
      ["clang", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared", "-pthread", "-o", made]
        + ["plan.c", "calls.c"].map { "\(sources)/\($0)" } + ["-ldl"])
    guard rename(made, library) == 0 else { throw CocoaError(.fileWriteUnknown) }
    return library
  }
}
