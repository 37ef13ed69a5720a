import Foundation
import ScanModel

/// What `find(1)` says about a tree: another program's answer to compare the walk with.
enum IndependentListing {
  struct Unreadable: Error { let fields: [String] }

  /// All below `root`, by relative path, without birth times, which this program does not always tell.
  /// Needs no path to fit into PATH_MAX.
  static func of(_ root: String, _ options: [String] = []) throws -> [[UInt8]: FileAttributes] {
    let format = #"%P\0%y\0%s\0%T@\0%C@\0%i\0%m\0%D\0%n\0"#
    let find = Process()
    find.executableURL = URL(filePath: "/usr/bin/find")
    find.arguments = [root] + options + ["-mindepth", "1", "-printf", format]
    let output = Pipe()
    find.standardOutput = output
    try find.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    find.waitUntilExit()
    let fields = bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast()
    var rows: [[UInt8]: FileAttributes] = [:]
    var index = fields.startIndex
    while index < fields.endIndex {
      let text = fields[(index + 1)..<(index + 9)].map { String(decoding: $0, as: UTF8.self) }
      rows[Array(fields[index])] = try attributes(text)
      index += 9
    }
    return rows
  }

  private static func attributes(_ fields: [String]) throws -> FileAttributes {
    let kinds: [String: (FileKind, UInt32)] = [
      "f": (.file, 0o100000), "d": (.directory, 0o040000), "l": (.symlink, 0o120000), "p": (.fifo, 0o010000),
      "s": (.socket, 0o140000), "b": (.block, 0o060000), "c": (.char, 0o020000),
    ]
    guard let (kind, type) = kinds[fields[0]], let size = Int64(fields[1]), let mtime = nanoseconds(fields[2]),
      let ctime = nanoseconds(fields[3]), let inode = UInt64(fields[4]), let mode = UInt32(fields[5], radix: 8),
      let device = UInt64(fields[6]), let links = Int(fields[7])
    else { throw Unreadable(fields: fields) }
    return FileAttributes(
      kind: kind, mode: type | mode, size: size, device: device, inode: inode, mtime_ns: mtime, ctime_ns: ctime,
      btime_ns: nil, hasOtherLinks: kind != .directory && links > 1)
  }

  /// `find` writes seconds, a point and ten digits.
  private static func nanoseconds(_ text: String) -> Int64? {
    let parts = text.split(separator: ".")
    guard parts.count == 2, let seconds = Int64(parts[0]), let fraction = Int64(parts[1].prefix(9)) else { return nil }
    return seconds * 1_000_000_000 + fraction
  }
}

/// What tells two listings apart, birth times aside, by path; short enough to read when a test fails.
func differences(
  _ walked: [[UInt8]: FileAttributes], _ expected: [[UInt8]: FileAttributes]
) -> [String] {
  var lines: [String] = []
  let walked = walked.mapValues { attributes in
    var attributes = attributes
    attributes.btime_ns = nil
    return attributes
  }
  for path in Set(walked.keys).union(expected.keys) where walked[path] != expected[path] {
    let name = String(decoding: path.suffix(100), as: UTF8.self)
    lines.append("\(name): \(String(describing: walked[path])), not \(String(describing: expected[path]))")
    if lines.count == 5 { break }
  }
  return lines
}
