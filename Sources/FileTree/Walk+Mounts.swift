import CLinux
import Glibc
import ScanModel

/// Mount points on the way of a walk.
extension Walk {
  /// Looks, before anything is read, at the recorded mount points among the directories that lead to what is to be
  /// visited. Where one is missing, nothing below it is visited: what stands in its place is not what was found.
  mutating func passOverMissingMounts() throws(Failure) {
    guard mounts.hasNested else { return }
    var missing: Set<Int> = []
    for node in 0..<tree.stack.count where node != DirectoryStack.root {
      if missing.contains(Int(tree.stack[node].parent)) {
        missing.insert(node)
        tree.enter(node)
      } else if let reason = missingMount(at: node) {
        missing.insert(node)
        let isAbove = !tree.stack[node].isPending
        tree.enter(node)
        try fail(node, cause: .mountMissing(reason, isAbove: isAbove))
      }
    }
  }

  /// Why nothing may be read below a node that is on the way to what is to be visited. What cannot be looked at for
  /// other reasons, the visits come to.
  private mutating func missingMount(at node: Int) -> String? {
    guard mounts.isGuarded(tree.stack[node].id) else { return nil }
    do throws(SystemError) {
      let directory = try tree.openForListing(node)
      return mounts.refusal(
        of: tree.stack[node].id, try MountLook(directory.number), path: try tree.linklessPath(of: node))
    } catch {
      return error.errno == ENOENT || error.isNoDirectory ? mounts.absence(of: tree.stack[node].id) : nil
    }
  }

  /// Why an opened directory is not to be listed.
  mutating func missingMount(
    at node: Int, _ directory: borrowing Descriptor, _ status: statx
  ) -> WalkFailure.Cause? {
    guard node != DirectoryStack.root else { return nil }
    do throws(SystemError) {
      let id = tree.stack[node].id
      if try !isMount(node, directory, status), !mounts.isWatched(id) {
        mounts.release(id)
        return nil
      }
      let look = try MountLook(directory.number)
      let reason = mounts.refusal(of: id, look, path: try tree.linklessPath(of: node))
      return reason.map { .mountMissing($0, isAbove: false) }
    } catch {
      return .system(error)
    }
  }

  /// Whether a file system is mounted at a directory or, behind a link, it lies on another one than the root.
  private func isMount(
    _ node: Int, _ directory: borrowing Descriptor, _ status: statx
  ) throws(SystemError) -> Bool {
    if tree.stack[node].isFollowed { return try status.device != tree.rootStatus().device }
    return directory.isMountPoint(status)
  }
}
