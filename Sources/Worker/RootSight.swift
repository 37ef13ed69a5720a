import Catalog
import FileTree
import Glibc
import ScanModel

/// Whether a scan of a library could begin on this host, as far as its root is concerned.
public enum RootSight: Sendable, Equatable {
  /// - Parameters:
  ///   - guarded: how many mount points below the root a scan looks for.
  ///   - missing: why it would pass over some of them, each in one line.
  case seen(MountIdentity, guarded: Int, missing: [String])
  /// As a slice would say it that is refused here.
  case unseen(message: String, reason: Reason)

  /// Why a root is not seen.
  public enum Reason: Sendable, Equatable {
    /// There is no directory of that path on this host.
    case absent
    /// The configuration of this host forbids it, or a link leads there.
    case refused
    /// The user of this process may not read it.
    case forbidden
    /// In few words.
    case other(String)

    /// In few words.
    public var text: String {
      switch self {
      case .absent: "it is not there"
      case .refused: "this host's configuration, or a link on the way, forbids it"
      case .forbidden: "user \(ProcessUser.name) may not read it"
      case .other(let text): text
      }
    }
  }

  /// Looks, by the same steps as a slice. Blocks for as long as the file system does.
  public init(of library: ServedLibrary, _ recorded: RecordedMounts, allowed: AllowedRoots) {
    if let refusal = RootGate(allowed).refusal(of: library.rootPath) {
      self = .unseen(message: "\(ScanErrorType.pathTraversal.rawValue): \(refusal)", reason: .refused)
      return
    }
    do throws(WalkError<Never>) {
      let look = try RootLook(rootPath: library.rootPath, recorded)
      self = .seen(look.identity, guarded: look.guardedMounts, missing: look.missingMounts)
    } catch {
      let reason = Self.reason(error, rootPath: library.rootPath, recorded)
      let who = reason == .forbidden ? ": \(ProcessUser.name)" : ""
      self = .unseen(message: error.rootRefusal(expecting: recorded) + who, reason: reason)
    }
  }

  private static func reason(_ error: WalkError<Never>, rootPath: String, _ recorded: RecordedMounts) -> Reason {
    switch error {
    case .rootUnavailable(_, let cause):
      switch cause.errno {
      case ENOENT, ENOTDIR: return .absent
      case EACCES, EPERM: return .forbidden
      default: return .other("\(cause)")
      }
    case .rootRefused(let message): return .other(recorded.shortened(message, at: "root \(rootPath)"))
    case .rootReplaced, .mountReplaced, .brokenFrontier, .aborted: return .other("\(error)")
    }
  }
}

/// The user as whom this process looks at files.
public enum ProcessUser {
  /// Such as `media (uid 1000)`; without a name where the system has none.
  public static var name: String {
    let uid = geteuid()
    guard let entry = getpwuid(uid), let name = String(validatingCString: entry.pointee.pw_name) else {
      return "uid \(uid)"
    }
    return "\(name) (uid \(uid))"
  }
}

extension RecordedMounts {
  /// What a message about a fault at a place says of it, without what its reader knows and without advice.
  fileprivate func shortened(_ message: String, at place: String) -> String {
    var text = Substring(message)
    for prefix in [place, " on host \(host) "] where text.hasPrefix(prefix) { text = text.dropFirst(prefix.count) }
    if text.hasSuffix("; \(advice)") { text = text.dropLast("; \(advice)".count) }
    return String(text)
  }
}
