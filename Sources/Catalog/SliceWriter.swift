import CrashPoints
import PostgresClient
import ScanModel

/// Sends the rows of one claimed slice, inside the transaction that its commit ends: until then nobody
/// sees them. The slot's thread owns it. Memory is bounded by the batch and by the slice's own
/// directories; nothing is allocated per file.
public final class SliceWriter {
  /// Batches of about 5,000 rows are near the best; one of a directory each costs 4–5 times as much.
  private static let batchRows = 5_000
  private static let copyIdentities =
    "COPY found_identities (library_id, file_id, inode, directory_id, name, scan_id) FROM STDIN (FORMAT binary)"

  private let connection: PostgresConnection
  private let blocks: IDBlocks
  private let library: Int64
  private let scan: Int64
  private let signatureVersion: Int32
  private let copyFiles: String
  private let copyDirectories: String
  /// Whether the library was scanned to its end before: what is new may have been elsewhere.
  private let notesIdentities: Bool
  private var files = CopyBuffer()
  private var directories = CopyBuffer()
  private var identities = CopyBuffer()
  /// Whether any row of a directory was sent.
  public private(set) var hasDirectories = false

  /// - Parameter notesIdentities: notes of the files what tells whether they were elsewhere before.
  init(claim: SliceClaim, connection: PostgresConnection, blocks: IDBlocks, notesIdentities: Bool) {
    self.connection = connection
    self.blocks = blocks
    library = claim.library.rawValue
    scan = claim.slice.scan.rawValue
    signatureVersion = claim.signatureVersion
    self.notesIdentities = notesIdentities
    // Straight to the leaf: the partition is known. Nothing but numbers is put into the text.
    copyFiles = """
      COPY files_\(library) (library_id, id, directory_id, name, kind, size, mtime_ns, ctime_ns, btime_ns, inode, mode, \
      first_scan, changed_scan) FROM STDIN (FORMAT binary)
      """
    copyDirectories = """
      COPY directories_\(library) (library_id, id, parent_id, name, device, inode, mode, mtime_ns, ctime_ns, btime_ns, \
      boundary, files, bytes, first_scan, changed_scan, signature, signature_version, errors, unread) \
      FROM STDIN (FORMAT binary)
      """
  }

  /// The id of a directory that was just found; its row is sent later, by `directory`.
  public func newDirectoryID() throws(CatalogError) -> Int64 {
    try wrap { () throws(PostgresError) in try blocks.nextDirectory() }
  }

  /// Adds a row for an entry that is no directory.
  public func file(in directory: Int64, name: UnsafeRawBufferPointer, _ file: FileAttributes) throws(CatalogError) {
    try wrap { () throws(PostgresError) in
      let id = try blocks.nextFile()
      if files.rows == 0 { files.begin() }
      files.startRow(columns: 13)
      files.append(int64: library)
      files.append(int64: id)
      files.append(int64: directory)
      files.append(bytes: name)
      files.append(byte: file.kind.code)
      files.append(int64: file.size)
      files.append(int64: file.mtime_ns)
      files.append(int64: file.ctime_ns)
      files.append(optional: file.btime_ns)
      files.append(int64: Int64(bitPattern: file.inode))
      files.append(int32: Int32(bitPattern: file.mode))
      files.append(int64: scan)
      files.append(int64: scan)
      if notesIdentities && !file.hasOtherLinks { note(id, in: directory, name: name, inode: file.inode) }
      if files.rows >= Self.batchRows { try flushFiles() }
    }
  }

  private func note(_ id: Int64, in directory: Int64, name: UnsafeRawBufferPointer, inode: UInt64) {
    if identities.rows == 0 { identities.begin() }
    identities.startRow(columns: 6)
    identities.append(int64: library)
    identities.append(int64: id)
    identities.append(int64: Int64(bitPattern: inode))
    identities.append(int64: directory)
    identities.append(bytes: name)
    identities.append(int64: scan)
  }

  /// Adds a row for a directory that this slice found. `files` and `bytes` are `nil` where it was not
  /// listed to its end, `signature` where anything in it is unsettled.
  public func directory(
    id: Int64, parent: Int64, name: UnsafeRawBufferPointer, _ directory: FileAttributes, isBoundary: Bool,
    files: Int64?, bytes: Int64?, signature: DirectorySignature? = nil, errors: DirectoryErrors = DirectoryErrors()
  ) throws(CatalogError) {
    hasDirectories = true
    if directories.rows == 0 { directories.begin() }
    directories.startRow(columns: 19)
    directories.append(int64: library)
    directories.append(int64: id)
    directories.append(int64: parent)
    directories.append(bytes: name)
    directories.append(int64: Int64(bitPattern: directory.device))
    directories.append(int64: Int64(bitPattern: directory.inode))
    directories.append(int32: Int32(bitPattern: directory.mode))
    directories.append(int64: directory.mtime_ns)
    directories.append(int64: directory.ctime_ns)
    directories.append(optional: directory.btime_ns)
    directories.append(boolean: isBoundary)
    directories.append(optional: files)
    directories.append(optional: bytes)
    directories.append(int64: scan)
    directories.append(int64: scan)
    directories.append(signature, version: signatureVersion)
    directories.append(errors)
    if directories.rows >= Self.batchRows {
      try wrap { () throws(PostgresError) in try flushDirectories() }
    }
  }

  func flush() throws(PostgresError) {
    try flushFiles()
    try flushDirectories()
  }

  private func flushFiles() throws(PostgresError) {
    guard files.rows > 0 else { return }
    files.end()
    try files.withUnsafeBytes { (bytes) throws(PostgresError) in _ = try connection.copyIn(copyFiles, from: bytes) }
    crashPoint(.rowsCopied)
    files.removeAll()
    try flushIdentities()
  }

  private func flushIdentities() throws(PostgresError) {
    guard identities.rows > 0 else { return }
    identities.end()
    try identities.withUnsafeBytes { (bytes) throws(PostgresError) in
      _ = try connection.copyIn(Self.copyIdentities, from: bytes)
    }
    identities.removeAll()
  }

  private func flushDirectories() throws(PostgresError) {
    guard directories.rows > 0 else { return }
    directories.end()
    try directories.withUnsafeBytes { (bytes) throws(PostgresError) in
      _ = try connection.copyIn(copyDirectories, from: bytes)
    }
    directories.removeAll()
  }
}

extension FileKind {
  /// The letter that `files.kind` holds.
  var code: UInt8 {
    switch self {
    case .file: UInt8(ascii: "f")
    case .symlink: UInt8(ascii: "l")
    case .fifo: UInt8(ascii: "p")
    case .socket: UInt8(ascii: "s")
    case .block: UInt8(ascii: "b")
    case .char: UInt8(ascii: "c")
    case .directory: UInt8(ascii: "d")  // refused by the table's CHECK: directories have a table of their own
    }
  }
}

extension FileKind {
  /// From the letter that `files.kind` holds.
  init?(code: UInt8) {
    guard let kind = Self.allCases.first(where: { $0.code == code }), kind != .directory else { return nil }
    self = kind
  }
}

extension CopyBuffer {
  fileprivate mutating func append(_ signature: DirectorySignature?, version: Int32) {
    guard let signature else {
      appendNull()
      appendNull()
      return
    }
    Swift.withUnsafeBytes(of: (signature.high.bigEndian, signature.low.bigEndian)) { append(bytes: $0) }
    append(int32: version)
  }

  fileprivate mutating func append(_ errors: DirectoryErrors) {
    if errors.entries.isEmpty {
      appendNull()
    } else {
      // jsonb: the version of its format, then text.
      ([1] + Array(errors.entries.json.utf8)).withUnsafeBytes { append(bytes: $0) }
    }
    if let unread = errors.unread {
      Array(unread.rawValue.utf8).withUnsafeBytes { append(bytes: $0) }
    } else {
      appendNull()
    }
  }

  fileprivate mutating func append(optional value: Int64?) {
    if let value { append(int64: value) } else { appendNull() }
  }
}
