import PostgresClient
import ScanModel

/// The last short section of a slice's transaction, sent in one round trip: fence the slice, then the
/// catalogue's rows, then the scan, then COMMIT. Any of them failing skips the rest.
struct SliceCommit {
  let statements: [(PostgresStatement, [PostgresParameter])]

  /// The statement before the last one, COMMIT, returns the queued slices.
  init(_ claim: SliceClaim, _ results: SliceResults) {
    var statements: [(PostgresStatement, [PostgresParameter])] = []
    statements.append((Statements.sliceFence, claim.fence + [.int64(results.entries)]))
    let scan = PostgresParameter.int64(claim.slice.scan.rawValue)
    let library = PostgresParameter.int64(claim.library.rawValue)
    if !results.visited.isEmpty {
      statements.append((Statements.directoriesVisited, [scan, library] + Self.columns(results.visited)))
    }
    if !results.vanished.isEmpty {
      statements.append((Statements.directoriesVanished, [scan, library, .int64Array(results.vanished)]))
    }
    if !results.errors.isEmpty {
      statements.append((Statements.errorsAdd, [scan] + Self.columns(results.errors)))
    }
    statements.append(
      (
        Statements.sliceSettle,
        [
          scan, .int32(claim.slice.number), .int64Array(results.frontier), .int64(results.directoriesSeen),
          .int64(results.filesSeen), .int64(results.filesAdded), .int64(results.filesUpdated),
          .int64(results.filesUnchanged), .int64(results.bytesSeen), .int64(results.errorsCount),
        ]
      ))
    statements.append((PostgresStatement(name: "commit", sql: "COMMIT"), []))
    self.statements = statements
  }

  private static func columns(_ visited: [VisitedDirectory]) -> [PostgresParameter] {
    [
      .int64Array(visited.map(\.id)),
      .int64Array(visited.map { Int64(bitPattern: $0.attributes.device) }),
      .int64Array(visited.map { Int64(bitPattern: $0.attributes.inode) }),
      .int32Array(visited.map { Int32(bitPattern: $0.attributes.mode) }),
      .int64Array(visited.map(\.attributes.mtime_ns)),
      .int64Array(visited.map(\.attributes.ctime_ns)),
      .nullableInt64Array(visited.map(\.attributes.btime_ns)),
      .nullableInt64Array(visited.map(\.files)),
      .nullableInt64Array(visited.map(\.bytes)),
    ]
  }

  private static func columns(_ errors: [SliceError]) -> [PostgresParameter] {
    [
      .bytesArray(errors.map(\.path)),
      .textArray(errors.map(\.type.rawValue)),
      .textArray(errors.map { $0.operation ?? "" }),
      .int32Array(errors.map { $0.errno ?? 0 }),
      .textArray(errors.map(\.message)),
    ]
  }
}

extension SliceClaim {
  /// What every statement about a claimed slice is fenced by.
  var fence: [PostgresParameter] {
    [.int64(slice.scan.rawValue), .int32(slice.number), .int32(epoch), .uuid(claim.description)]
  }
}
