/// How the row's accessors find and read a cell's bytes.
extension PostgresRow {
  /// A cell's bytes, nil for NULL.
  func cell(_ column: Int) throws(PostgresError) -> ArraySlice<UInt8>? {
    guard table.types.indices.contains(column) else {
      throw .decoding("\(table.statement) gives \(count) columns: there is no column \(column)")
    }
    let cell = table.cells[row * count + column]
    return cell.length < 0 ? nil : table.bytes[cell.offset..<cell.offset + cell.length]
  }

  func present<T>(_ value: T?, _ column: Int) throws(PostgresError) -> T {
    guard let value else { throw unexpectedNull(column) }
    return value
  }

  func unexpectedNull(_ column: Int) -> PostgresError { .decoding("column \(column) of \(table.statement) is NULL") }

  func mismatch(_ column: Int, _ wanted: String) -> PostgresError {
    .decoding("column \(column) of \(table.statement) is not \(wanted) (type OID \(table.types[column]))")
  }

  func load<T: FixedWidthInteger>(_ cell: ArraySlice<UInt8>, _ column: Int) throws(PostgresError) -> T {
    guard let value: T = bigEndian(cell) else { throw mismatch(column, "\(T.bitWidth / 8) bytes long") }
    return value
  }

  func integer(_ cell: ArraySlice<UInt8>, _ type: UInt32) -> Int64? {
    switch type {
    case TypeOID.int8: bigEndian(cell)
    case TypeOID.int4: (bigEndian(cell) as Int32?).map(Int64.init)
    case TypeOID.int2: (bigEndian(cell) as Int16?).map(Int64.init)
    default: nil
    }
  }

  /// Takes an `array_send` apart; `decode` gets each element with the elements' type.
  func elements<T>(
    _ column: Int, _ decode: (ArraySlice<UInt8>, UInt32) -> T?
  ) throws(PostgresError) -> [T] {
    guard var rest = try cell(column) else { throw unexpectedNull(column) }
    let wrong = mismatch(column, "a one-dimensional array of that type without nulls")
    func next<I: FixedWidthInteger>() throws(PostgresError) -> I {
      guard let value: I = bigEndian(rest.prefix(I.bitWidth / 8)) else { throw wrong }
      rest = rest.dropFirst(I.bitWidth / 8)
      return value
    }
    let dimensions: Int32 = try next()
    let _: Int32 = try next()  // Whether there are nulls; each element's length tells.
    let type: UInt32 = try next()
    if dimensions == 0 { return [] }
    guard dimensions == 1 else { throw wrong }
    let size: Int32 = try next()
    let _: Int32 = try next()  // The lower bound.
    var values: [T] = []
    for _ in 0..<max(0, size) {
      let length = Int(try next() as Int32)
      guard length >= 0, length <= rest.count, let value = decode(rest.prefix(length), type) else { throw wrong }
      values.append(value)
      rest = rest.dropFirst(length)
    }
    return values
  }
}

/// nil when the slice is not of that size.
func bigEndian<T: FixedWidthInteger>(_ slice: ArraySlice<UInt8>) -> T? {
  guard slice.count == T.bitWidth / 8 else { return nil }
  return slice.withUnsafeBytes { T(bigEndian: $0.loadUnaligned(as: T.self)) }
}
