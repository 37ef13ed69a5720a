import ScanModel
import Testing

@testable import Worker

@Suite struct SignatureDigestTests {
  private static func signature(_ names: [(String, FileAttributes, DirectoryEntries.Entry.Sort)]) throws
    -> DirectorySignature?
  {
    SignatureDigest().signature(of: try DirectoryEntries(names), version: 7)
  }

  /// Made by another program from the form that `SignatureDigest` documents. If this fails, signatures of
  /// older releases fail too: raise the algorithm's version.
  @Test func `a signature is what it has always been`() throws {
    let signature = try #require(
      try Self.signature([
        ("b", .some(.symlink, size: 300, inode: 77), .plain), ("sub", .some(.directory, inode: 9), .boundary),
        ("a", .some(), .plain),
      ]))
    #expect(signature.bytes == [UInt8](hex: "7dc97424dc3dedcc848e36912e4a78a4"))
    #expect(signature.version == 7)
    #expect(DirectorySignature(bytes: signature.bytes, version: 7) == signature)
    #expect(DirectorySignature.version(rules: 3) == (1 << 24) + 3)
  }

  @Test func `the order of a listing and a directory's own stamps are of no account`() throws {
    var touched = FileAttributes.some(.directory)
    touched.mtime_ns = 99
    touched.mode = 0
    let one = try Self.signature([("a", .some(), .plain), ("d", .some(.directory), .plain)])
    #expect(try one == Self.signature([("d", touched, .plain), ("a", .some(), .plain)]))
    #expect(one != nil)
  }

  @Test func `whatever else changes shows`() throws {
    var variants: [[(String, FileAttributes, DirectoryEntries.Entry.Sort)]] = [
      [], [("a", .some(), .plain)], [("a", .some(size: 2), .plain)], [("a", .some(inode: 2), .plain)],
      [("a", .some(.fifo), .plain)], [("b", .some(), .plain)], [("a", .some(), .plain), ("b", .some(), .plain)],
      [("a", .some(.directory), .plain)], [("a", .some(.directory), .boundary)],
      [("a", .some(.directory, inode: 2), .plain)],
    ]
    var stamped = FileAttributes.some()
    stamped.mtime_ns += 1
    variants.append([("a", stamped, .plain)])
    stamped.mtime_ns -= 1
    stamped.ctime_ns += 1
    variants.append([("a", stamped, .plain)])
    stamped.ctime_ns -= 1
    stamped.mode ^= 0o200
    variants.append([("a", stamped, .plain)])
    variants.append([("ab", .some(), .plain)])
    let signatures = try variants.map { try #require(try Self.signature($0)).bytes }
    #expect(Set(signatures).count == variants.count)
  }

  @Test func `one digest makes the same signatures as a new one for each, however large a directory`() throws {
    let digest = SignatureDigest()
    let large = try DirectoryEntries((0..<20_000).map { ("name \($0)", .some(), .plain) })
    let small = try DirectoryEntries([("a", .some(), .plain)])
    let first = digest.signature(of: large, version: 1)
    #expect(digest.signature(of: small, version: 1) == SignatureDigest().signature(of: small, version: 1))
    #expect(digest.signature(of: large, version: 1) == first)
    for changed in [0, 10_000, 19_999] {
      let other = try DirectoryEntries((0..<20_000).map { ("name \($0)", .some(size: $0 == changed ? 2 : 1), .plain) })
      #expect(digest.signature(of: other, version: 1) != first)
    }
  }
}

extension [UInt8] {
  fileprivate init(hex: String) {
    let digits = hex.compactMap(\.hexDigitValue)
    self = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
