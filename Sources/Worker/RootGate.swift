import Glibc
import ScanModel

/// Whether a worker may walk a root, by its own host's file system and configuration.
struct RootGate {
  private let allowed: AllowedRoots

  init(_ allowed: AllowedRoots) { self.allowed = allowed }

  /// Why it may not, in one line. What is not there is for the walk to say.
  func refusal(of root: String) -> String? {
    guard let real = realpath(root, nil) else { return allowed.refusal(of: root) }
    defer { free(real) }
    let path = String(cString: real)
    // By bytes: strings that look alike are equal to Swift.
    guard Array(path.utf8) == Array(root.utf8) else {
      return "root \(root) is or goes through a link on this host, to \(path): mount the tree there, or add a library "
        + "for the real path"
    }
    return allowed.refusal(of: root)
  }
}
