import ScanModel

/// A key that a look through all keys has found: which queue it belongs to and, for an in-flight list,
/// whose it is. It need not be of the type that its name promises.
struct FoundKey: Hashable {
  let queue: String
  let slot: SlotID?

  /// `nil` for what is no key of a queue that shows that the queue is in use.
  init?(_ key: String, prefix: String) {
    let head = "\(prefix):{"
    guard key.hasPrefix(head), let end = key.firstRange(of: "}:") else { return nil }
    let queue = key.dropFirst(head.count).prefix(upTo: end.lowerBound)
    let rest = key[end.upperBound...]
    guard !queue.isEmpty else { return nil }
    if rest.hasPrefix(Self.inflight) {
      guard let slot = Self.slot(rest.dropFirst(Self.inflight.count)) else { return nil }
      self.init(queue: String(queue), slot: slot)
    } else {
      guard ["workers", "queue", "dead"].contains(rest) else { return nil }
      self.init(queue: String(queue), slot: nil)
    }
  }

  private init(queue: String, slot: SlotID?) {
    self.queue = queue
    self.slot = slot
  }

  /// The same for all lists of one worker.
  var owner: FoundKey { FoundKey(queue: queue, slot: slot.map { SlotID(worker: $0.worker, index: 0) }) }

  private static let inflight = "inflight:"

  /// Reads `<worker>/<slot>`.
  private static func slot(_ text: Substring) -> SlotID? {
    guard let slash = text.lastIndex(of: "/"), let index = Int(text[text.index(after: slash)...]),
      slash > text.startIndex,
      (0..<WorkerRegistration.mostSlots).contains(index)
    else { return nil }
    let slot = SlotID(worker: WorkerID(description: String(text[..<slash])), index: index)
    // As it is written, so that the list is found again: no leading zero, no sign.
    return "\(slot)" == text ? slot : nil
  }
}
