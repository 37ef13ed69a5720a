import PostgresClient
import ScanModel

/// What the catalogue can answer instead of a result.
public enum CatalogError: Error, Sendable {
  case postgres(PostgresError)
  /// No migration has run in this database.
  case schemaMissing
  /// The database is behind this program.
  case schemaOlder(found: Int, needed: Int)
  /// The database is ahead of this program.
  case schemaNewer(found: Int, known: Int)
  /// A migration that was applied is not the one that this program has under that number.
  case migrationChanged(version: Int)
  case libraryNameTaken(String)
  case libraryRootTaken(String)
  case libraryActive(scan: Int64)
  /// The slice is not `running` under the caller's claim, or its scan has ended: nothing was written.
  case fenced
  /// A directory's listing had a name twice, and not of files both times.
  case nameRepeated(directory: Int64)

  /// The catalogue cannot be worked with now, through no fault of the work: it can be done again later.
  public var isOutage: Bool {
    switch self {
    case .postgres(.authentication), .postgres(.databaseMissing): true
    case .postgres(let error): error.isOutage
    case .schemaMissing, .schemaOlder, .schemaNewer: true
    case .migrationChanged, .libraryNameTaken, .libraryRootTaken, .libraryActive, .fenced, .nameRepeated:
      false
    }
  }

  /// The transaction lost against another one, and may be run again as it is.
  public var isRetryable: Bool {
    if case .postgres(let error) = self { error.isRetryable } else { false }
  }

  /// The connection was lost, or none could be made: perhaps the server is there, and somebody ended this session
  /// alone, as a claim does with its predecessor's.
  public var isConnectionLoss: Bool {
    if case .postgres(.unreachable) = self { true } else { false }
  }

  /// Somebody cancelled the statement, as `Catalog.interrupt` does.
  public var isCancelled: Bool {
    if case .postgres(let error) = self { error.sqlState == SQLState.queryCanceled } else { false }
  }

  /// Something is there already whose like there can be only one of.
  public var isUniqueViolation: Bool {
    switch self {
    case .postgres(let error): error.sqlState == SQLState.uniqueViolation
    case .nameRepeated: true
    default: false
    }
  }
}

extension CatalogError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .postgres(let error): error.description
    case .schemaMissing: "the database has no Rollcall schema: run `rollcall migrate`"
    case .schemaOlder(let found, let needed):
      "the database's schema is version \(found), this program needs \(needed): run `rollcall migrate`"
    case .schemaNewer(let found, let known):
      "the database's schema is version \(found), this program knows only up to \(known): install the newer release"
    case .migrationChanged(let version):
      "migration \(version) was applied from another file than this program's: use the release that made the schema"
    case .libraryNameTaken(let name): "there is a library named \"\(name)\" already: choose another name"
    case .libraryRootTaken(let root): "\(root) is the root of another library already: see `rollcall library list`"
    case .libraryActive(let scan): "scan \(scan) of this library is active: wait for its end"
    case .nameRepeated(let directory): "the listing of directory \(directory) repeats a name: scan again"
    case .fenced: "the slice is no longer this claim's"
    }
  }
}
