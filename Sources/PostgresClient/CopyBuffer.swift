/// Rows in COPY's binary format (the Postgres manual, "COPY: Binary Format"), built without an allocation per row.
///
/// `begin()`, then for every row `startRow(columns:)` and so many values, then `end()`. A value must have exactly the
/// column's type: COPY does not convert.
public struct CopyBuffer: ~Copyable {
  @usableFromInline var memory: UnsafeMutableRawPointer
  @usableFromInline var capacity: Int
  @usableFromInline var used = 0
  @usableFromInline var started = 0

  /// `capacity` in bytes; the buffer grows as it must.
  public init(capacity: Int = 64 * 1024) {
    self.capacity = max(capacity, 64)
    memory = .allocate(byteCount: self.capacity, alignment: 16)
  }

  deinit { memory.deallocate() }

  /// In bytes.
  @inlinable public var count: Int { used }

  /// Rows started.
  @inlinable public var rows: Int { started }

  /// The header: signature, flags, no extension.
  public mutating func begin() {
    let signature: StaticString = "PGCOPY\n"
    append(raw: UnsafeRawBufferPointer(start: signature.utf8Start, count: signature.utf8CodeUnitCount))
    put(0xFF0D_0A00 as UInt32)
    put(0 as Int64)
  }

  /// The trailer.
  public mutating func end() { put(-1 as Int16) }

  @inlinable
  public mutating func startRow(columns: Int16) {
    started += 1
    put(columns)
  }

  @inlinable
  public mutating func append(int64 value: Int64) { append(field: value) }

  @inlinable
  public mutating func append(int32 value: Int32) { append(field: value) }

  @inlinable
  public mutating func append(int16 value: Int16) { append(field: value) }

  @inlinable
  public mutating func append(boolean value: Bool) { append(field: value ? 1 : 0 as UInt8) }

  /// A `"char"` value.
  @inlinable
  public mutating func append(byte value: UInt8) { append(field: value) }

  @inlinable
  public mutating func appendNull() { put(-1 as Int32) }

  /// A `bytea`, or text in UTF-8. Postgres takes less than 1 GiB; a longer value traps.
  @inlinable
  public mutating func append(bytes: UnsafeRawBufferPointer) {
    put(Int32(bytes.count))
    append(raw: bytes)
  }

  /// Empties the buffer and keeps its memory, for the next batch.
  public mutating func removeAll() {
    used = 0
    started = 0
  }

  @inlinable
  public borrowing func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try body(UnsafeRawBufferPointer(start: memory, count: used))
  }

  /// A value of fixed size behind its length, under one check of the capacity.
  @inlinable
  mutating func append<T: FixedWidthInteger & BitwiseCopyable>(field value: T) {
    let size = MemoryLayout<T>.size
    reserve(4 + size)
    memory.storeBytes(of: Int32(truncatingIfNeeded: size).bigEndian, toByteOffset: used, as: Int32.self)
    memory.storeBytes(of: value.bigEndian, toByteOffset: used + 4, as: T.self)
    used += 4 + size
  }

  @inlinable
  mutating func put<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    reserve(MemoryLayout<T>.size)
    memory.storeBytes(of: value.bigEndian, toByteOffset: used, as: T.self)
    used += MemoryLayout<T>.size
  }

  @inlinable
  mutating func append(raw bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    reserve(bytes.count)
    (memory + used).copyMemory(from: source, byteCount: bytes.count)
    used += bytes.count
  }

  @inlinable
  mutating func reserve(_ more: Int) {
    if capacity - used < more { grow(more) }
  }

  @usableFromInline
  mutating func grow(_ more: Int) {
    capacity = max(capacity * 2, used + more)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    larger.copyMemory(from: memory, byteCount: used)
    memory.deallocate()
    memory = larger
  }
}
