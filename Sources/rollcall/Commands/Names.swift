import Foundation

/// What a library may be called. A name never holds a slash: what does is a path.
enum LibraryName {
  static func checked(_ name: String) throws(CommandFailure) -> String {
    guard (1...255).contains(name.utf8.count), !name.contains("/"), !name.hasPrefix("-"),
      name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
    else {
      throw CommandFailure(
        message: "\"\(terminalSafe(name))\" is no name for a library: 1 to 255 bytes without slashes and control "
          + "characters, not beginning with a dash", code: ExitStatus.usage)
    }
    return name
  }

  /// A library that a path becomes is named after its directory.
  static func of(root: String) throws(CommandFailure) -> String {
    let last = root.split(separator: "/").last.map(String.init) ?? "root"
    do { return try checked(last) } catch {
      throw CommandFailure(
        message: "\(error.message); give one with `rollcall library add NAME PATH`", code: error.code)
    }
  }
}

/// Where a library lies, as the catalogue holds it: absolute, without links, `.`, `..` and double slashes.
enum RootPath {
  /// The same without a look at the disk, for what is not there: links stay.
  static func absolute(_ path: String) -> String {
    let standard = URL(filePath: path).standardizedFileURL.path(percentEncoded: false)
    return standard.count > 1 && standard.hasSuffix("/") ? String(standard.dropLast()) : standard
  }

  static func resolved(_ path: String) throws(CommandFailure) -> String {
    guard let real = realpath(path, nil) else {
      throw CommandFailure(
        message: "\(terminalSafe(path)) cannot be a library's root: \(String(cString: strerror(errno)))"
          + "; give a directory that is there")
    }
    defer { free(real) }
    guard let text = String(validatingCString: real) else {
      throw CommandFailure(message: "\(terminalSafe(path)) is no valid UTF-8; a root must be, its files need not")
    }
    var status = stat()
    guard stat(real, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw CommandFailure(message: "\(terminalSafe(text)) is not a directory; a library's root must be one")
    }
    return text
  }
}
