import ArgumentParser
import Catalog
import FileTree
import Foundation
import ScanModel
import Worker

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare a library's catalogue with its tree, and write nothing.",
    discussion: """
      Walks the tree on this host as a scan would that began now, and lists each difference when it is found: unknown \
      is in the tree only; missing in the catalogue only; excluded in the catalogue against the library's rules; \
      changed in both, with the columns that differ; unreadable could not be compared; mount_missing is not what is \
      mounted as a rule. A directory that is unknown, missing or excluded is one line. What differs is looked at twice, \
      so that files that come and go meanwhile are not listed.

      Exit code 0: equal; 1: not, or not all of it can be told. Redis is not needed, and Postgres may be a standby or a \
      role that may only SELECT.
      """)
  @Argument(help: "The library's name.") var library: String
  @OptionGroup(title: "Configuration") var options: GlobalOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let environment = try options.load()
    let catalog = try environment.readOnlyCatalog()
    guard let record = try catalog.library(named: library) else { throw CommandFailure.noLibrary(library) }
    try Self.check(record, environment)
    try noteActiveScan(of: record, catalog)
    let listing = try DifferenceListing(isJSON: output.json, environment.terminal)
    let begin = ContinuousClock.now
    let pace = try VerifyPace(of: record, environment)?.walkPace
    let tally = try compare(record, catalog, pace, listing)
    try listing.finish(tally, of: record, took: .now - begin)
    try noteActiveScan(of: record, catalog)
    if !tally.isEqual { throw ExitCode(ExitStatus.failure) }
  }

  private func compare(
    _ record: LibraryRecord, _ catalog: Catalog, _ pace: WalkPace?, _ listing: DifferenceListing
  ) throws -> VerificationTally {
    let mounts = try catalog.recordedMounts(of: record, host: localHostName())
    do {
      let verification = try Verification(
        of: record, mounts: mounts, pace: pace, rows: LibraryRows(of: record, in: catalog))
      return try verification.run(progress: listing.show, listing.add)
    } catch {
      listing.clearProgress()
      throw Self.failure(error, record)
    }
  }

  private static func failure(_ error: VerificationError, _ record: LibraryRecord) -> any Error {
    switch error {
    case .neverScanned:
      CommandFailure(
        message: "library \(terminalSafe(record.name)) was never scanned, so there is nothing to compare: "
          + "run `rollcall scan \(shellWord(record.name))`")
    case .mountMissing(let message), .failed(let message): CommandFailure(message: message)
    case .catalog(let error): error
    case .report(let error): error
    }
  }

  /// The root is judged by this host's own configuration, as a worker does.
  private static func check(_ record: LibraryRecord, _ environment: Environment) throws(CommandFailure) {
    guard let refusal = environment.configuration.allowedRoots.refusal(of: record.rootPath) else { return }
    throw CommandFailure(message: refusal)
  }

  private func noteActiveScan(of record: LibraryRecord, _ catalog: Catalog) throws {
    guard let scan = try catalog.currentScan(of: record.id), scan.status.isActive else { return }
    complain(
      "scan \(scan.id) of library \(terminalSafe(record.name)) is \(scan.status.rawValue): what it has not come to yet "
        + "may show as a difference")
  }
}

/// The differences on standard output, as they come, and on a terminal how far it has got.
private final class DifferenceListing {
  private var array: JSONArrayWriter?
  private var progress: ProgressLine
  private let showsProgress: Bool
  private let begin = ContinuousClock.now

  init(isJSON: Bool, _ terminal: Terminal) throws {
    array = isJSON ? JSONArrayWriter(.output) : nil
    progress = ProgressLine(terminal)
    showsProgress = terminal.isErrorTerminal
  }

  func add(_ difference: Difference) throws {
    clearProgress()
    if array != nil { return try array?.append(DifferenceDocument(difference)) ?? () }
    try StandardOutput.output.line(DifferenceLine.text(difference))
  }

  func show(_ tally: VerificationTally) {
    guard showsProgress else { return }
    let elapsed = ContinuousClock.now - begin
    let now = ScanProgress(
      elapsed: elapsed, filesSeen: tally.files, bytesSeen: tally.bytes,
      filesPerSecond: elapsed > .seconds(1) ? Double(tally.files) / (elapsed / .seconds(1)) : nil)
    // Nobody is told less where the bar cannot be drawn.
    if let text = progress.update(now, at: .now) { try? StandardOutput.error.write(text) }
  }

  func clearProgress() {
    if let clear = progress.clear() { try? StandardOutput.error.write(clear) }
  }

  func finish(_ tally: VerificationTally, of record: LibraryRecord, took: Duration) throws {
    clearProgress()
    let line = Self.summary(tally, of: record, took: took)
    guard let array else { return try StandardOutput.output.line(line) }
    try array.finish()
    try StandardOutput.error.line(line)
  }

  private static func summary(_ tally: VerificationTally, of record: LibraryRecord, took: Duration) -> String {
    let differences = [
      (tally.unknown, "unknown"), (tally.missing, "missing"), (tally.excluded, "excluded"), (tally.changed, "changed"),
      (tally.unreadable, "unreadable"), (tally.mountsMissing, "mount_missing"),
    ]
    let listed = differences.filter { $0.0 > 0 }.map { "\(Humane.count($0.0)) \($0.1)" }.joined(separator: ", ")
    return "Library \(terminalSafe(record.name)): \(counted(tally.files, "file")) and "
      + "\(counted(tally.directories, "directory", "directories")) compared in \(Humane.duration(took)): "
      + (tally.isEqual ? "equal." : listed + ".")
  }

  private static func counted(_ number: Int64, _ one: String, _ many: String? = nil) -> String {
    "\(Humane.count(number)) \(number == 1 ? one : many ?? one + "s")"
  }
}

extension Environment {
  /// A connection to the catalogue through which nothing can be written.
  fileprivate func readOnlyCatalog() throws(CatalogError) -> Catalog {
    let catalog = Catalog(
      url: configuration.postgresURL, applicationName: "rollcall verify", deadline: configuration.operationTimeout,
      isReadOnly: true, logger: logger)
    try catalog.connect()
    return catalog
  }
}
