import Testing

@testable import Catalog
@testable import Worker

/// Which directories are listed again though their stamps are what they were.
@Suite struct StampedDirectoryTests {
  private static let second: Int64 = 1_000_000_000
  private static let began = 1_700_000_000 * second + 500_000_000

  private static func hasChanged(mtime: Int64, ctime: Int64) -> Bool {
    StampedDirectory(id: 1, inode: 2, mtime_ns: mtime, ctime_ns: ctime).hasChanged(since: began)
  }

  /// - Parameter age: before the scan began.
  @Test(arguments: [(Int64(20_000_000), true), (20_000_001, false), (0, true), (-3_600 * second, true)])
  func `one that a fine clock stamps may have changed within a tick of it`(age: Int64, mayHave: Bool) {
    let stamp = Self.began - age
    #expect(Self.hasChanged(mtime: stamp, ctime: 1) == mayHave)
    #expect(Self.hasChanged(mtime: 1, ctime: stamp) == mayHave)
  }

  @Test(arguments: [(Int64(2), true), (3, false), (-1, true)])
  func `one that a clock stamps which tells seconds may have changed in the last three`(age: Int64, mayHave: Bool) {
    let stamp = (1_700_000_000 - age) * Self.second
    #expect(Self.hasChanged(mtime: stamp, ctime: 1) == mayHave)
    #expect(Self.hasChanged(mtime: 1, ctime: stamp) == mayHave)
  }

  @Test func `no stamp is too far away`() {
    #expect(Self.hasChanged(mtime: .max, ctime: .min))
    #expect(!Self.hasChanged(mtime: .min, ctime: .min))
  }

  @Test func `a page takes about a second, however slow the looks are, and is bounded`() {
    for perSecond: Int64 in [1, 10, 300, 100_000] {
      var rows: Int64 = 64
      for _ in 0..<12 { rows = Rewalk.rows(after: rows, in: .seconds(Double(rows) / Double(perSecond))) }
      #expect((min(perSecond / 4, 4_096)...min(perSecond * 2, 4_096)).contains(rows), "\(perSecond): \(rows)")
      #expect(rows > 0)
    }
  }
}
