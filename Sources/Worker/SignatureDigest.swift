import CCrypto
import ScanModel

/// Makes the signatures of directories: the first 128 bits of the SHA-256 of their sorted entries, each
///
///     kind 1 | length of the name 2 | name | size 8 | mtime_ns 8 | ctime_ns 8 | inode 8 | mode 4
///     'd'    | length of the name 2 | name | inode 8 | boundary 1
///
/// with numbers in network byte order. The mode counts, because some file systems make it up: mounted with
/// another mask they change it, and no stamp. A directory's own stamps are not its parent's affair: they
/// stand in its own row. One OpenSSL context and one buffer serve a slot for all its directories.
final class SignatureDigest {
  /// More than any entry takes: the kernel gives the length of one in 16 bits.
  private static let bufferSize = 128 << 10
  /// Of one entry, without its name.
  private static let fixedPart = 64

  private let context: OpaquePointer?
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferSize, alignment: 8)
  private var used = 0
  private var isSound = true

  init() { context = EVP_MD_CTX_new() }

  deinit {
    EVP_MD_CTX_free(context)
    buffer.deallocate()
  }

  /// `nil` where OpenSSL refuses, which makes the directory one whose rows are compared each time.
  func signature(of entries: DirectoryEntries, version: Int32) -> DirectorySignature? {
    guard let context else { return nil }
    isSound = EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
    used = 0
    for place in 0..<entries.count where entries[place].sort != .rejected {
      let entry = entries[place]
      entries.withName(of: entry) { put(entry, name: $0) }
    }
    flush()
    var digest = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
    withUnsafeMutableBytes(of: &digest) { bytes in
      let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
      if EVP_DigestFinal_ex(context, start, nil) != 1 { isSound = false }
    }
    guard isSound else { return nil }
    return DirectorySignature(high: UInt64(bigEndian: digest.0), low: UInt64(bigEndian: digest.1), version: version)
  }

  private func put(_ entry: DirectoryEntries.Entry, name: UnsafeRawBufferPointer) {
    if buffer.count - used < Self.fixedPart + name.count { flush() }
    let attributes = entry.attributes
    put(attributes.kind.letter)
    put(UInt16(name.count))
    UnsafeMutableRawBufferPointer(rebasing: buffer[used...]).copyMemory(from: name)
    used += name.count
    if attributes.kind == .directory {
      put(attributes.inode)
      put(UInt8(entry.sort == .boundary ? 1 : 0))
    } else {
      put(attributes.size)
      put(attributes.mtime_ns)
      put(attributes.ctime_ns)
      put(attributes.inode)
      put(attributes.mode)
    }
  }

  private func put<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
    buffer.storeBytes(of: number.bigEndian, toByteOffset: used, as: Number.self)
    used += MemoryLayout<Number>.size
  }

  private func flush() {
    if EVP_DigestUpdate(context, buffer.baseAddress, used) != 1 { isSound = false }
    used = 0
  }
}

extension FileKind {
  /// In a signature; changing one changes all signatures.
  fileprivate var letter: UInt8 {
    switch self {
    case .file: UInt8(ascii: "f")
    case .directory: UInt8(ascii: "d")
    case .symlink: UInt8(ascii: "l")
    case .fifo: UInt8(ascii: "p")
    case .socket: UInt8(ascii: "s")
    case .block: UInt8(ascii: "b")
    case .char: UInt8(ascii: "c")
    }
  }
}
