import Catalog
import FileTree
import ScanModel

/// What seems to be gone, and what is mounted no more.
extension TreeComparison {
  /// Reports those of the absent rows that are gone.
  func lookForAbsent() throws(VerificationError) {
    let rows = absent
    absent = []
    for row in try gone(of: rows) {
      let sort = Difference.Sort.missing(files: try filesBelow(row.id, row.kind))
      try account.tell(Difference(sort: sort, kind: row.kind, path: paths.path(of: row.name, in: row.directory)))
    }
  }

  /// Those of the rows that the system says are gone, and that lay on no mount which is missing.
  func gone(of rows: [AbsentRow]) throws(VerificationError) -> [AbsentRow] {
    guard !rows.isEmpty else { return [] }
    let names = rows.map { AbsentName(directory: $0.directory, name: $0.name, isDirectory: $0.kind == .directory) }
    var lost: [(Int64, String)] = []
    let areGone: [Bool]
    do {
      areGone = try scope.absenceCheck.areGone(names, in: frontier.forWalker) { lost.append(($0, $1)) }
    } catch {
      throw VerificationError(error.widened(), scope.mounts.recorded)
    }
    for (directory, reason) in lost { try tellLost(directory, reason) }
    return zip(rows, areGone).filter(\.1).map(\.0)
  }

  /// A mount point that is not what is on record was to be visited.
  func mountIsMissing(_ directory: Int64, _ reason: String) throws(VerificationError) {
    guard isCertain(.mount, [], in: directory) else { return }
    try tellLost(directory, reason)
  }

  private func tellLost(_ directory: Int64, _ reason: String) throws(VerificationError) {
    guard account.isNews(lostMount: directory) else { return }
    let sort = Difference.Sort.mountMissing(message: reason, files: try filesBelow(directory, .directory))
    try account.tell(Difference(sort: sort, kind: .directory, path: path(ofMount: directory)))
  }

  private func path(ofMount directory: Int64) -> [UInt8] {
    let path = paths.path(of: [], in: directory)
    return path.isEmpty ? scope.mounts.recorded.path(of: directory) : path
  }

  /// How many files are catalogued in what is no file itself.
  func filesBelow(_ id: Int64, _ kind: FileKind) throws(VerificationError) -> Int64 {
    guard kind == .directory else { return 0 }
    do { return try scope.rows.files(below: id) } catch { throw .catalog(error) }
  }
}
