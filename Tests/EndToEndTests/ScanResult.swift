import Foundation
import TestSupport

/// A scan as `--json` shows it, with the exit code of the command that showed it.
struct ScanResult: Decodable {
  struct Unreadable: Error { let description: String }

  let id: Int64
  let status: String
  let filesSeen: Int64
  let filesAdded: Int64
  let filesUpdated: Int64
  let filesMoved: Int64
  let filesUnchanged: Int64
  let filesRemoved: Int64
  let removalsHeld: Int64
  let directoriesSeen: Int64
  let bytesSeen: Int64
  let errorsCount: Int64
  let slicesRedone: Int64
  let entriesIgnored: Int64
  let categoriesFound: Int64
  let coursesFound: Int64
  let message: String?
  let errorMessage: String?
  var exitCode: Int32 = 0

  private enum CodingKeys: String, CodingKey {
    case id, status, message
    case filesSeen = "files_seen"
    case filesAdded = "files_added"
    case filesUpdated = "files_updated"
    case filesMoved = "files_moved"
    case filesUnchanged = "files_unchanged"
    case filesRemoved = "files_removed"
    case removalsHeld = "removals_held"
    case directoriesSeen = "directories_seen"
    case bytesSeen = "bytes_seen"
    case errorsCount = "errors_count"
    case slicesRedone = "slices_redone"
    case entriesIgnored = "entries_ignored"
    case categoriesFound = "categories_found"
    case coursesFound = "courses_found"
    case errorMessage = "error_message"
  }

  init(_ ended: ChildProcess.Ended) throws {
    do { self = try JSONDecoder().decode(Self.self, from: Data(ended.output)) } catch {
      throw Unreadable(description: "no scan but \"\(ended.text)\" and \"\(ended.errors)\": \(error)")
    }
    exitCode = ended.code
  }
}

extension TestDeployment {
  /// Makes a library `x` of a tree.
  func addLibrary(_ root: String, _ rules: String...) throws {
    try succeed(["library", "add", "x", root] + rules)
  }

  /// Asks for a scan of the library `x` and waits for its end.
  func scan() throws -> ScanResult { try ScanResult(run(["scan", "x", "--wait", "--json"])) }

  /// The library's newest scan.
  func status() throws -> ScanResult { try ScanResult(run(["status", "x", "--json"])) }

  /// Waits until a scan of the library has ended, whoever asked for it.
  func endedScan() throws -> ScanResult {
    try eventually("the scan ends") {
      try database.query("SELECT id FROM scans WHERE completed_at IS NOT NULL").isEmpty ? nil : ()
    }
    return try status()
  }
}
