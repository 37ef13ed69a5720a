import Catalog
import FileTree
import ScanModel

/// The errors of a slice: counted without end, and recorded up to a number of rows and bytes.
struct ErrorRows {
  private static let rowsPerType = 1_000
  private static let mostBytes = 1 << 20

  private var rows: [ScanErrorType: Int] = [:]
  private var bytes = 0

  mutating func note(_ failure: WalkFailure, in results: inout SliceResults) {
    results.errorsCount += 1
    let type = failure.errorType
    guard rows[type, default: 0] < Self.rowsPerType, bytes < Self.mostBytes else { return }
    rows[type, default: 0] += 1
    bytes += failure.path.count
    let call = failure.cause.call
    results.errors.append(
      SliceError(
        path: failure.path, type: type, operation: call?.operation.name, errno: call?.errno, message: failure.message))
  }
}
