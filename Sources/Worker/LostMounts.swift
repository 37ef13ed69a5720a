import Catalog
import ScanModel

/// The mount points that a finalisation finds missing: what lay on them cannot be told, and its scan says so. Each is
/// an error once, which lasts until the library's next scan.
struct LostMounts {
  private let mounts: RecordedMounts
  private var told: Set<Int64> = []
  private var errors = SliceErrors()

  init(_ mounts: RecordedMounts) { self.mounts = mounts }

  mutating func note(_ directory: Int64, _ reason: String) {
    guard told.insert(directory).inserted else { return }
    errors.changes[.mountMissing] += 1
    errors.fleeting[.mountMissing] += 1
    errors.rows.append(
      SliceError(
        path: mounts.path(of: directory), type: .mountMissing, operation: nil, errno: nil, message: reason))
  }

  /// What was noted since the last time.
  mutating func takeErrors() -> SliceErrors {
    defer { errors = SliceErrors() }
    return errors
  }
}
