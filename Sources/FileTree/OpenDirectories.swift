import Glibc

/// A bounded number of open directories, so that a tree of any depth is walked with few descriptors. The
/// one that was unused for longest is closed first; all are closed in the end.
struct OpenDirectories: ~Copyable {
  /// Owns its descriptor; an array cannot hold a `Descriptor`, which is not copyable.
  private struct Slot {
    let node: Int
    let number: Int32
    var lastUse: UInt64
  }

  private var slots: [Slot] = []
  private var uses: UInt64 = 0
  private var capacity: Int

  /// - Parameter capacity: at least 2: a directory and the one that was just opened in it.
  init(capacity: Int) { self.capacity = capacity }

  deinit {
    for slot in slots { close(slot.number) }
  }

  /// The descriptor of a node of the stack, if it is open. It stays open until the next but one `insert`.
  mutating func number(of node: Int) -> Int32? {
    // Backwards: the walk asks for what it opened last.
    guard let index = slots.lastIndex(where: { $0.node == node }) else { return nil }
    uses += 1
    slots[index].lastUse = uses
    return slots[index].number
  }

  /// Takes a node's descriptor over.
  mutating func insert(_ descriptor: consuming Descriptor, for node: Int) {
    remove(node)
    if slots.count >= capacity, let oldest = slots.indices.min(by: { slots[$0].lastUse < slots[$1].lastUse }) {
      close(slots.remove(at: oldest).number)
    }
    uses += 1
    slots.append(Slot(node: node, number: descriptor.release(), lastUse: uses))
  }

  /// Closes a node's descriptor, if it is open: its place on the stack is about to be another's.
  mutating func remove(_ node: Int) {
    guard let index = slots.lastIndex(where: { $0.node == node }) else { return }
    close(slots.remove(at: index).number)
  }

  /// The system is out of descriptors: closes all but the one used last, and holds few from now on.
  mutating func shrink() {
    capacity = min(capacity, 4)
    let newest = slots.map(\.lastUse).max()
    for slot in slots where slot.lastUse != newest { close(slot.number) }
    slots.removeAll { $0.lastUse != newest }
  }
}
