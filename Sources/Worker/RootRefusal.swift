import Catalog
import FileTree
import ScanModel

extension WalkError {
  /// What a host says that cannot work on the root: that it may not, where the system says so; anything else looks
  /// like a file system that is not mounted, and says which one was expected and what to do.
  ///
  /// - Parameter mounts: what is on record of the library.
  func rootRefusal(expecting mounts: RecordedMounts) -> String {
    switch self {
    case .rootUnavailable(_, let error) where error.errorType == .permissionDenied:
      return "\(ScanErrorType.permissionDenied.rawValue): \(self)"
    case .rootUnavailable: return refusal(expecting: mounts, RecordedMounts.mountAdvice)
    case .rootReplaced: return refusal(expecting: mounts, mounts.advice)
    default: return "\(ScanErrorType.mountMissing.rawValue): \(self)"
    }
  }

  private func refusal(expecting mounts: RecordedMounts, _ advice: String) -> String {
    let record = mounts.root?.own ?? mounts.root?.others.first
    let expected = record?.identity.map { "; expected \($0)" } ?? ""
    return "\(ScanErrorType.mountMissing.rawValue): \(self)\(expected), on host \(mounts.host); \(advice)"
  }
}
