import Catalog
import ScanModel
import Testing

@testable import Worker

/// When a known directory's row is written.
@Suite struct DirectoryNoteTests {
  private static let signature = DirectorySignature(high: 1, low: 2, version: 3)

  /// Whether the row of a directory that is known so is written when it is found so.
  private static func isWritten(
    inode: UInt64? = 1, mode: UInt32? = 0o644, mtime_ns: Int64? = 10, ctime_ns: Int64? = 20, btime_ns: Int64? = 5,
    isBoundary: Bool = false, files: Int64? = 4, bytes: Int64? = 7, signature: DirectorySignature? = Self.signature,
    errors: DirectoryErrors = DirectoryErrors(entries: [.oversized: 2]),
    finding attributes: FileAttributes = .some(.directory)
  ) -> Bool {
    let known = KnownDirectory(
      id: 9, device: 1, inode: inode, mode: mode, mtime_ns: mtime_ns, ctime_ns: ctime_ns, btime_ns: btime_ns,
      isBoundary: isBoundary, files: files, bytes: bytes, signature: signature, errors: errors)
    var results = SliceResults()
    results.note(
      known, attributes, isBoundary: false, files: 4, bytes: 7, signature: Self.signature,
      errors: DirectoryErrors(entries: [.oversized: 2]))
    return results.visited.count == 1
  }

  @Test func `a directory that is as it was is not written, on whatever device`() {
    #expect(!Self.isWritten())
    var remounted = FileAttributes.some(.directory)
    remounted.device = 9
    #expect(!Self.isWritten(finding: remounted))
  }

  @Test func `whatever differs is written`() {
    #expect(Self.isWritten(inode: 2))
    #expect(Self.isWritten(mode: 0o755))
    #expect(Self.isWritten(mtime_ns: 11))
    #expect(Self.isWritten(ctime_ns: 21))
    #expect(Self.isWritten(btime_ns: nil))
    #expect(Self.isWritten(isBoundary: true))
    #expect(Self.isWritten(files: nil))
    #expect(Self.isWritten(bytes: 8))
    #expect(Self.isWritten(signature: nil))
    #expect(Self.isWritten(signature: DirectorySignature(high: 1, low: 2, version: 4)))
    #expect(Self.isWritten(errors: DirectoryErrors()))
    #expect(Self.isWritten(errors: DirectoryErrors(entries: [.oversized: 3])))
    #expect(Self.isWritten(errors: DirectoryErrors(entries: [.oversized: 2], unread: .ioError)))
  }
}
