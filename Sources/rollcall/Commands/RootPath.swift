import Foundation
import ScanModel

/// Where a library lies, as the catalogue holds it: absolute, without links, `.`, `..` and double slashes.
enum RootPath {
  /// The path as it is meant, without a look at the disk: links stay. A relative one begins where the process stands.
  ///
  /// - Throws: where the text alone shows that it can be no root.
  static func absolute(_ path: String) throws(CommandFailure) -> String {
    guard !path.isEmpty else { throw refusal(path, "an empty path names no directory", ExitStatus.usage) }
    let names = path.split(separator: "/")
    guard !names.contains("..") else {
      throw refusal(
        path, "it holds .., and where that leads depends on links; write the path without it", ExitStatus.usage)
    }
    let start = path.hasPrefix("/") ? "/" : FileManager.default.currentDirectoryPath
    // Empty where the directory in which the process stands was removed.
    guard !start.isEmpty else { throw refusal(path, "it is not absolute; write it from / on", ExitStatus.usage) }
    return "/" + (start.split(separator: "/") + names.filter { $0 != "." }).joined(separator: "/")
  }

  /// Only an absolute path is a root: the same command typed elsewhere would mean another directory.
  ///
  /// - Parameter allowed: of this host's configuration.
  /// - Throws: where it is no root that could be walked from here.
  static func resolved(_ path: String, allowed: AllowedRoots) throws(CommandFailure) -> String {
    let root = try absolute(path)
    guard path.hasPrefix("/") else {
      throw refusal(path, "it is not absolute; write \(shellWord(root))", ExitStatus.usage)
    }
    guard let real = realpath(root, nil) else {
      throw refusal(path, "\(String(cString: strerror(errno))); give a directory that is there")
    }
    defer { free(real) }
    guard let text = String(validatingCString: real) else {
      throw refusal(
        path, "\(terminalSafe(String(cString: real))) is no valid UTF-8; a root must be, its files need not")
    }
    // By bytes: strings that look alike are equal to Swift.
    guard Array(text.utf8) == Array(root.utf8) else {
      throw refusal(path, "it is a link or goes through one; give the real path, \(shellWord(text))")
    }
    var status = stat()
    guard stat(real, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw refusal(path, "it is not a directory")
    }
    try check(root, allowed)
    return root
  }

  /// Whether an absolute and resolved path may be a root here.
  static func check(_ root: String, _ allowed: AllowedRoots) throws(CommandFailure) {
    if let reason = allowed.refusal(of: root) { throw CommandFailure(message: terminalSafe(reason)) }
  }

  private static func refusal(_ path: String, _ reason: String, _ code: Int32 = ExitStatus.failure) -> CommandFailure {
    CommandFailure(message: "\(shellWord(path)) cannot be a library's root: \(reason)", code: code)
  }
}
