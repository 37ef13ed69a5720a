import FileTree
import ScanModel

extension WalkError {
  /// What a host says that cannot work on the root: that it may not, where the system says so; anything else looks
  /// like a file system that is not mounted.
  var rootRefusal: String {
    var type = ScanErrorType.mountMissing
    if case .rootUnavailable(_, let error) = self, error.errorType == .permissionDenied { type = .permissionDenied }
    return "\(type.rawValue): \(self)"
  }
}
