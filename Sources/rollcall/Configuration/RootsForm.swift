import ScanModel

extension Form where Value == AllowedRoots {
  /// Separated by colons, as PATH is; the configuration file has a list.
  static let roots = Form(
    allowed: "anywhere, or a list of absolute paths without . and .., separated by colons", separator: ":",
    parse: { text in
      if text == "anywhere" { return .anywhere }
      var roots: [String] = []
      for item in text.split(separator: ":", omittingEmptySubsequences: false).map(trimmed) {
        guard let root = root(item) else { return nil }
        roots.append(root)
      }
      return AllowedRoots(roots)
    },
    format: { $0 == .anywhere ? "anywhere" : $0.directories.joined(separator: ":") })
}

/// Without double slashes and those at its end.
private func root(_ path: String) -> String? {
  let names = path.split(separator: "/")
  guard path.hasPrefix("/"), !names.contains("."), !names.contains(".."),
    path.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
  else { return nil }
  return "/" + names.joined(separator: "/")
}
