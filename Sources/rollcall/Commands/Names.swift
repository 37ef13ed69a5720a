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
