import FileTree
import ScanModel

/// Counts what a walk delivers and keeps no names.
final class CountingSink: WalkSink {
  private(set) var listed: [Int64] = []
  private(set) var failures: [WalkFailure] = []
  private(set) var files = 0
  private var lastID: Int64 = 1_000_000

  func willList(directory: Int64, attributes: FileAttributes) throws(Never) -> Bool { true }
  func file(directory: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes) throws(Never) { files += 1 }
  func newDirectory(
    parent: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes, isBoundary: Bool
  ) throws(Never) -> Int64? {
    lastID += 1
    return lastID
  }
  func followedDirectory(
    parent: Int64, name: UnsafeRawBufferPointer, attributes: FileAttributes
  ) throws(Never) -> Int64? {
    lastID += 1
    return lastID
  }
  func rejected(directory: Int64, name: UnsafeRawBufferPointer) throws(Never) {}
  func listed(directory: Int64, _ listing: DirectoryListing) throws(Never) { listed.append(directory) }
  func vanished(directory: Int64) throws(Never) {}
  func isCounted(
    failureOf name: UnsafeRawBufferPointer, in directory: Int64, _ cause: WalkFailure.Cause
  ) throws(Never) -> Bool { false }
  func failure(_ failure: WalkFailure) throws(Never) { failures.append(failure) }
}
