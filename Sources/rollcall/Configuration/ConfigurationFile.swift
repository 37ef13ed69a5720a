import Foundation
import Yams

/// A YAML file of `key: value` lines.
enum ConfigurationFile {
  struct Entry {
    let setting: Setting
    let text: String
    let line: Int
  }

  /// The file's settings. A key without a value is as good as absent.
  static func read(_ path: String, namedBy source: String) throws(ConfigurationError) -> [Entry] {
    guard let root = try compose(path, namedBy: source) else { return [] }
    guard let mapping = root.mapping else {
      throw ConfigurationError(
        description: "\(path):\(line(root)): a configuration file is made of lines \"key: value\"")
    }
    var entries: [Entry] = []
    for (key, value) in mapping {
      if let entry = try entry(key, value, path) { entries.append(entry) }
    }
    return entries
  }

  private static func compose(_ path: String, namedBy source: String) throws(ConfigurationError) -> Node? {
    let bytes: Data
    do {
      bytes = try Data(contentsOf: URL(filePath: path))
    } catch {
      throw ConfigurationError(
        description: "cannot read the configuration file \(path): \(failureReason(error)); check \(source)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConfigurationError(description: "the configuration file \(path) is not valid UTF-8")
    }
    do {
      return try Yams.compose(yaml: text)
    } catch {
      throw ConfigurationError(description: describe(error, path))
    }
  }

  private static func entry(_ key: Node, _ value: Node, _ path: String) throws(ConfigurationError) -> Entry? {
    let line = line(key)
    guard let name = key.scalar?.string else {
      throw ConfigurationError(description: "\(path):\(line): a key must be a plain name")
    }
    guard let setting = Setting[name] else {
      let nearest = nearest(to: name, among: Setting.all.map(\.key)).name
      throw ConfigurationError(
        description: "\(path):\(line): unknown key \"\(terminalSafe(name))\"; the nearest known one is \(nearest)")
    }
    guard let text = text(of: value, separator: setting.separator) else {
      throw ConfigurationError(description: "\(path):\(line): \(name) must be \(setting.allowed)")
    }
    return text.isEmpty ? nil : Entry(setting: setting, text: text, line: line)
  }

  /// A scalar as it is written, a list joined as the environment has it; `nil` for what no setting can be.
  private static func text(of node: Node, separator: Character) -> String? {
    switch node {
    case .scalar(let scalar):
      let isNull = scalar.style == .plain && ["~", "null", "Null", "NULL"].contains(scalar.string)
      return isNull ? "" : scalar.string
    case .sequence(let nodes):
      let items = nodes.compactMap(\.scalar?.string)
      guard items.count == nodes.count, !items.isEmpty, !items.contains(where: { $0.contains(separator) }) else {
        return nil
      }
      return items.joined(separator: String(separator))
    case .mapping, .alias:
      return nil
    }
  }

  private static func describe(_ error: any Error, _ path: String) -> String {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      "\(path):\(mark.line): not valid YAML: \(problem)"
    case .duplicatedKeysInMapping(let duplicates, _):
      "\(path): the key \(duplicates.joined(separator: ", ")) stands there more than once"
    case .reader(let problem, _, _, _):
      "\(path): not valid YAML: \(problem)"
    default:
      "\(path): not valid YAML: \(error)".replacing("\n", with: " ")
    }
  }

  private static func line(_ node: Node) -> Int { node.mark?.line ?? 1 }
}
