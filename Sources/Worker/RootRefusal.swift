import Catalog
import FileTree
import ScanModel

extension WalkError {
  /// What a host says that cannot work on the root: that it may not, where the system says so; anything else looks
  /// like a file system that is not mounted, and says which one was expected and what to do.
  func rootRefusal(of claim: SliceClaim) -> String { rootRefusal(expecting: claim.mounts) }

  func rootRefusal(expecting mounts: RecordedMounts) -> String {
    switch self {
    case .rootUnavailable(_, let error) where error.errorType == .permissionDenied:
      return "\(ScanErrorType.permissionDenied.rawValue): \(self)"
    case .rootUnavailable, .rootReplaced:
      let expected = mounts.root?.own?.identity.map { "; expected \($0)" } ?? ""
      return "\(ScanErrorType.mountMissing.rawValue): \(self)\(expected), on host \(mounts.host); "
        + mounts.advice
    default: return "\(ScanErrorType.mountMissing.rawValue): \(self)"
    }
  }
}
