import ScanModel

/// A key that a look through all keys has found: which queue it belongs to and, for an in-flight list,
/// whose it is. It need not be of the type that its name promises.
struct FoundKey: Hashable {
  let queue: String
  let slot: SlotID?

  /// `nil` for what is no key of a queue that shows that the queue is in use.
  init?(_ key: [UInt8], prefix: String) {
    let head = Array("\(prefix):{".utf8)
    guard key.starts(with: head) else { return nil }
    let name = key.dropFirst(head.count)
    guard let end = name.firstRange(of: Self.nameEnd), !name[..<end.lowerBound].isEmpty,
      let queue = String(validating: name[..<end.lowerBound], as: UTF8.self)
    else { return nil }
    let rest = name[end.upperBound...]
    if rest.starts(with: Self.inflight) {
      guard let slot = Self.slot(rest.dropFirst(Self.inflight.count)) else { return nil }
      self.init(queue: queue, slot: slot)
    } else {
      guard Self.others.contains(Array(rest)) else { return nil }
      self.init(queue: queue, slot: nil)
    }
  }

  private init(queue: String, slot: SlotID?) {
    self.queue = queue
    self.slot = slot
  }

  /// The same for all lists of one worker.
  var owner: FoundKey { FoundKey(queue: queue, slot: slot.map { SlotID(worker: $0.worker, index: 0) }) }

  private static let nameEnd = Array("}:".utf8)
  private static let inflight = Array("inflight:".utf8)
  private static let others = ["workers", "queue", "dead"].map { Array($0.utf8) }

  /// Reads `<worker>/<slot>`.
  private static func slot(_ text: ArraySlice<UInt8>) -> SlotID? {
    guard let slash = text.lastIndex(of: UInt8(ascii: "/")), slash > text.startIndex else { return nil }
    let digits = String(decoding: text[(slash + 1)...], as: UTF8.self)
    // As it is written, so that the list is found again: no leading zero, no sign.
    guard let index = Int(digits), (0..<WorkerRegistration.mostSlots).contains(index), "\(index)" == digits else {
      return nil
    }
    return SlotID(worker: WorkerID(bytes: Array(text[..<slash])), index: index)
  }
}
