/// The names that one directory's listing has had so far. A listing may repeat a name when files are
/// renamed while it runs (readdir(3)); whoever cannot bear that asks for this.
final class RepeatedNames {
  private var seen: Set<[UInt8]> = []

  /// Begins with another directory.
  func begin() { seen.removeAll(keepingCapacity: true) }

  /// Whether the listing has had the entry's name before; from now on it has.
  func isRepeated(_ entry: EntryBuffer.Entry) -> Bool { !seen.insert(Array(entry.bytes)).inserted }
}
