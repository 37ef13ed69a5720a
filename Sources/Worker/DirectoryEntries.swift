import Catalog
import ScanModel

/// One directory's entries, in two arenas that the next directory reuses: nothing is allocated per entry.
final class DirectoryEntries {
  struct Entry {
    enum Sort: UInt8 {
      case plain
      /// A directory on another file system.
      case boundary
      /// A directory that a link leads to.
      case followed
      /// It is there, and could not be looked at: its attributes mean nothing.
      case unreadable
      /// It is there, and the rules do not admit it: no row, and no part of the directory's signature.
      case rejected
    }

    // Packed: a directory of 100,000 entries must leave room for all else in 64 MiB.
    private let inode: UInt64
    fileprivate let size: Int64
    private let mtime_ns: Int64
    private let ctime_ns: Int64
    private let btime_ns: Int64
    fileprivate let nameStart: Int
    private let mode: UInt32
    fileprivate let nameLength: UInt16
    private let kind: FileKind
    let sort: Sort
    private let hasBirthTime: Bool
    private let hasOtherLinks: Bool

    fileprivate init(_ attributes: FileAttributes, nameStart: Int, nameLength: Int, sort: Sort) {
      (inode, size, mode, kind) = (attributes.inode, attributes.size, attributes.mode, attributes.kind)
      (mtime_ns, ctime_ns) = (attributes.mtime_ns, attributes.ctime_ns)
      (btime_ns, hasBirthTime) = (attributes.btime_ns ?? 0, attributes.btime_ns != nil)
      hasOtherLinks = attributes.hasOtherLinks
      (self.nameStart, self.nameLength, self.sort) = (nameStart, UInt16(nameLength), sort)
    }

    /// Without the device, which no row of a file holds.
    var attributes: FileAttributes {
      FileAttributes(
        kind: kind, mode: mode, size: size, device: 0, inode: inode, mtime_ns: mtime_ns, ctime_ns: ctime_ns,
        btime_ns: hasBirthTime ? btime_ns : nil, hasOtherLinks: hasOtherLinks)
    }

    var isDirectory: Bool { isAdmitted && kind == .directory }
    var isFile: Bool { isAdmitted && kind != .directory }
    private var isAdmitted: Bool { sort != .unreadable && sort != .rejected }
  }

  /// The first eight bytes of a name, which decide most comparisons, and the entry's index.
  private struct Key {
    let prefix: UInt64
    let index: UInt32
  }

  /// Two entries of one name, not both files: the listing shows a rename.
  struct Ambiguous: Error {}

  private var entries: [Entry] = []
  private var names: [UInt8] = []
  private var keys: [Key] = []
  private(set) var failures = 0

  /// Of the entries that are no directories, each name once; valid after `sort` or `countFiles`.
  private(set) var files: Int64 = 0
  private(set) var bytes: Int64 = 0

  var count: Int { keys.count }

  /// By name, after `sort`.
  subscript(_ place: Int) -> Entry { entries[Int(keys[place].index)] }

  func removeAll() {
    entries.removeAll(keepingCapacity: true)
    names.removeAll(keepingCapacity: true)
    keys.removeAll(keepingCapacity: true)
    (failures, files, bytes) = (0, 0, 0)
  }

  func append(name: UnsafeRawBufferPointer, _ attributes: FileAttributes, _ sort: Entry.Sort = .plain) {
    keys.append(Key(prefix: Self.prefix(of: name), index: UInt32(entries.count)))
    entries.append(Entry(attributes, nameStart: names.count, nameLength: name.count, sort: sort))
    names.append(contentsOf: name)
    if sort == .unreadable { failures += 1 }
  }

  func withName<Result, Failure: Error>(
    of entry: Entry, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try names.withUnsafeBufferPointer { (names) throws(Failure) in
      try body(Self.name(of: entry, in: names))
    }
  }

  /// Whether a name is there that could not be looked at; after `sort`.
  func hasUnreadable(_ name: UnsafeRawBufferPointer) -> Bool {
    guard failures > 0 else { return false }
    return names.withUnsafeBufferPointer { names in
      var range = 0..<count
      while !range.isEmpty {
        let middle = range.lowerBound + range.count / 2
        let order = compareBytes(Self.name(of: self[middle], in: names), name)
        if order == 0 { return self[middle].sort == .unreadable }
        range = order < 0 ? middle + 1..<range.upperBound : range.lowerBound..<middle
      }
      return false
    }
  }

  /// Orders the entries by the bytes of their names, and takes a file once whose name a listing repeats
  /// (readdir(3)).
  func sort() throws(Ambiguous) {
    let (entries, names) = (entries, names)
    names.withUnsafeBufferPointer { names in
      keys.sort { left, right in
        if left.prefix != right.prefix { return left.prefix < right.prefix }
        return compareBytes(
          Self.name(of: entries[Int(left.index)], in: names), Self.name(of: entries[Int(right.index)], in: names)) < 0
      }
    }
    try removeRepeated()
    countFiles()
  }

  /// Sums the files up.
  func countFiles() {
    (files, bytes) = (0, 0)
    for place in 0..<count where self[place].isFile {
      files += 1
      let (sum, overflowed) = bytes.addingReportingOverflow(self[place].size)
      bytes = overflowed ? .max : sum
    }
  }

  private func removeRepeated() throws(Ambiguous) {
    var repeated: [Int] = []
    for place in keys.indices.dropFirst()
    where keys[place].prefix == keys[place - 1].prefix && hasSameName(place, place - 1) {
      guard !self[place].isDirectory, !self[place - 1].isDirectory else { throw Ambiguous() }
      repeated.append(place)
    }
    for place in repeated.reversed() { keys.remove(at: place) }
  }

  private func hasSameName(_ left: Int, _ right: Int) -> Bool {
    names.withUnsafeBufferPointer {
      compareBytes(Self.name(of: self[left], in: $0), Self.name(of: self[right], in: $0)) == 0
    }
  }

  /// Names hold no NUL: a short one filled up with them sorts as its bytes do.
  private static func prefix(of name: UnsafeRawBufferPointer) -> UInt64 {
    var prefix: UInt64 = 0
    for index in 0..<8 { prefix = prefix << 8 | (index < name.count ? UInt64(name[index]) : 0) }
    return prefix
  }

  private static func name(of entry: Entry, in names: UnsafeBufferPointer<UInt8>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      UnsafeBufferPointer(rebasing: names[entry.nameStart..<(entry.nameStart + Int(entry.nameLength))]))
  }
}
