import Catalog
import ScanModel

/// The comparison of Redis with Postgres: which slices have no pointer anywhere.
extension ReaperMachine {
  mutating func paged(_ page: [OpenSlice]) {
    if page.count == Self.page, let last = page.last { agenda.append(.pageSlices(after: last.slice)) }
    let unknown = page.filter { !inflight.contains($0.slice) && suspects[$0.slice] == nil }
    for (queue, slices) in Dictionary(grouping: unknown, by: \.queue).sorted(by: { $0.key > $1.key }) {
      agenda.append(.suspect(slices, queue: queue))
    }
  }

  mutating func suspect(_ slices: [OpenSlice], _ missing: Set<SliceID>, _ now: Duration) {
    for slice in slices where missing.contains(slice.slice) && suspects.count < Self.mostKept {
      suspects[slice.slice] = (slice, now)
    }
  }

  /// The second looks that are due now.
  mutating func dueSuspects(_ now: Duration) -> [Action] {
    for slice in inflight { suspects[slice] = nil }
    let due = suspects.values.filter { now - $0.since >= pace.patience(for: $0.slice.state) }.map(\.slice)
    var looks: [Action] = []
    for (queue, slices) in Dictionary(grouping: due, by: \.queue).sorted(by: { $0.key > $1.key }) {
      let slices = slices.sorted {
        ($0.slice.scan.rawValue, $0.slice.number) < ($1.slice.scan.rawValue, $1.slice.number)
      }
      for first in stride(from: 0, to: slices.count, by: Self.slicesPerRecord) {
        looks.append(.confirm(Array(slices[first...].prefix(Self.slicesPerRecord)), queue: queue))
      }
    }
    return looks
  }

  mutating func confirmed(_ slices: [OpenSlice], _ queue: String, _ missing: Set<SliceID>, _ now: Duration) {
    var lost: [LostPointer] = []
    for slice in slices {
      guard let suspect = suspects.removeValue(forKey: slice.slice), missing.contains(slice.slice) else { continue }
      lost.append(LostPointer(slice: slice, age: now - suspect.since))
    }
    if !lost.isEmpty { agenda.append(.repair(lost, queue: queue)) }
  }
}
