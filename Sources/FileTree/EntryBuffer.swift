import CLinux
import Glibc
import ScanModel

/// The buffer into which `getdents64(2)` writes entries, and the reading of its records:
///
///     d_ino 8 | d_off 8 | d_reclen 2 | d_type 1 | d_name, ended by NUL
final class EntryBuffer {
  /// One name of a directory; its bytes lie in the buffer.
  struct Entry {
    let name: UnsafePointer<CChar>
    let nameLength: Int
    /// `d_type`.
    var type = UInt8(DT_UNKNOWN)

    /// What the listing itself says that it is, without a look at it; `nil` where the file system does not tell.
    var kind: FileKind? {
      switch Int(type) {
      case Int(DT_REG): .file
      case Int(DT_DIR): .directory
      case Int(DT_LNK): .symlink
      case Int(DT_FIFO): .fifo
      case Int(DT_SOCK): .socket
      case Int(DT_BLK): .block
      case Int(DT_CHR): .char
      default: nil
      }
    }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: name, count: nameLength) }

    var isDotOrDotDot: Bool {
      let dot = CChar(bitPattern: UInt8(ascii: "."))
      return name[0] == dot && (nameLength == 1 || nameLength == 2 && name[1] == dot)
    }
  }

  private static let lengthOffset = 16
  private static let typeOffset = 18
  private static let nameOffset = 19
  /// Whether the file system's word on what an entry is counts, as it does unless a test says otherwise.
  var tellsKinds = true
  private let memory: UnsafeMutableRawBufferPointer
  private var directory: Int32 = -1
  private var position = 0
  private var end = 0

  /// 128 KiB hold some 4,000 entries: the call's own cost vanishes, and the cache keeps the buffer.
  init(size: Int = 128 << 10) {
    memory = .allocate(byteCount: size, alignment: 8)
  }

  deinit { memory.deallocate() }

  /// Begins with an open directory's first entry. The directory stays the caller's.
  func begin(_ directory: Int32) {
    self.directory = directory
    position = 0
    end = 0
  }

  /// The directory's next entry, `nil` after its last. It is valid until the next call.
  func next() throws(SystemError) -> Entry? {
    if position >= end { try fill() }
    guard position < end, let base = memory.baseAddress else { return nil }
    let record = base + position
    let room = end - position
    let length = room > Self.nameOffset ? Int(record.load(fromByteOffset: Self.lengthOffset, as: UInt16.self)) : 0
    // The kernel checks what a file system gives it; a record that is none must still not be followed.
    guard length > Self.nameOffset, length <= room else { throw SystemError(operation: .list, errno: EIO) }
    position += length
    let name = UnsafeRawPointer(record + Self.nameOffset).assumingMemoryBound(to: CChar.self)
    return Entry(
      name: name, nameLength: strnlen(name, length - Self.nameOffset),
      type: tellsKinds ? record.load(fromByteOffset: Self.typeOffset, as: UInt8.self) : UInt8(DT_UNKNOWN))
  }

  private func fill() throws(SystemError) {
    let result = retrying { linux_getdents64(directory, memory.baseAddress, memory.count) }
    guard result >= 0 else { throw SystemError(operation: .list, errno: Int32(-result)) }
    position = 0
    end = result
  }
}
