/// Where a library's root may lie, on the host that looks (`allowed_roots`).
public struct AllowedRoots: Sendable, Equatable {
  /// Absolute and without links: a link in their place allows nothing of what it leads to.
  public let directories: [String]

  /// Anything but `/`.
  public static let anywhere = AllowedRoots([])

  /// - Parameter directories: absolute, without a slash at their ends; with none, anything but `/` is allowed.
  public init(_ directories: [String]) { self.directories = directories }

  /// Why a root is refused, in one line; `nil` where it is allowed.
  ///
  /// - Parameter root: absolute and resolved: no links, `.`, `..`, nor slashes at its end.
  public func refusal(of root: String) -> String? {
    if root == "/", !directories.contains("/") {
      return "/ cannot be a library's root unless allowed_roots lists it: it holds the system itself; name a "
        + "directory in it"
    }
    guard !directories.isEmpty, !directories.contains(where: { Self.holds($0, root) }) else { return nil }
    return "\(root) is not in any of allowed_roots (\(directories.joined(separator: ":"))), which this host's "
      + "configuration sets"
  }

  private static func holds(_ directory: String, _ root: String) -> Bool {
    // By bytes: strings that look alike are equal to Swift.
    let (directory, root) = (Array(directory.utf8), Array(root.utf8))
    return root == directory || directory == [UInt8(ascii: "/")]
      || root.starts(with: directory + [UInt8(ascii: "/")])
  }
}
