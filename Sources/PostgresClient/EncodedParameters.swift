/// Parameters as the arrays that libpq takes; the values lie one after the other in one buffer.
struct EncodedParameters {
  private(set) var types: [UInt32] = []
  private var lengths: [Int32] = []
  private var offsets: [Int?] = []
  private var bytes: [UInt8] = []

  init(_ parameters: [PostgresParameter]) throws(PostgresError) {
    // The protocol counts them in 16 bits.
    guard parameters.count <= UInt16.max else {
      throw .decoding("\(parameters.count) parameters: Postgres takes 65,535 at most; send them as arrays")
    }
    for parameter in parameters { try append(parameter) }
    // A value of no bytes at the end must still have an address: libpq takes a null pointer for NULL.
    bytes.append(0)
  }

  /// Calls `body` with the number of parameters, their values, lengths and formats (all 1: binary).
  func withPointers<R>(
    _ body: (Int32, UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<Int32>, UnsafePointer<Int32>) -> R
  ) -> R {
    bytes.withUnsafeBufferPointer { buffer in
      buffer.withMemoryRebound(to: CChar.self) { characters in
        let values = offsets.map { offset in offset.flatMap { characters.baseAddress?.advanced(by: $0) } }
        let formats = [Int32](repeating: 1, count: offsets.count)
        return body(Int32(offsets.count), values, lengths, formats)
      }
    }
  }

  private mutating func append(_ parameter: PostgresParameter) throws(PostgresError) {
    let start = bytes.count
    let type = try encode(parameter)
    guard let length = Int32(exactly: bytes.count - start) else {
      throw .decoding("parameter $\(types.count + 1) has \(bytes.count - start) bytes: Postgres takes less than 1 GiB")
    }
    types.append(type)
    lengths.append(length)
    offsets.append(type == 0 ? nil : start)
  }

  /// Appends the value's binary form and answers its type's OID, 0 for a null.
  private mutating func encode(_ parameter: PostgresParameter) throws(PostgresError) -> UInt32 {
    switch parameter {
    case .null: return 0
    case .int32(let value): return append(value, TypeOID.int4)
    case .int64(let value): return append(value, TypeOID.int8)
    case .boolean(let value): return append(UInt8(value ? 1 : 0), TypeOID.boolean)
    case .text(let value): return append(value.utf8, TypeOID.text)
    case .bytes(let value): return append(value, TypeOID.bytea)
    case .uuid(let value): return append(try Self.uuidBytes(value), TypeOID.uuid)
    case .json(let value):
      bytes.append(1)  // jsonb's only format version
      return append(value.utf8, TypeOID.jsonb)
    case .int32Array(let values): return append(values.map(Optional.some), TypeOID.int4, TypeOID.int4Array)
    case .int64Array(let values): return append(values.map(Optional.some), TypeOID.int8, TypeOID.int8Array)
    case .nullableInt64Array(let values): return append(values, TypeOID.int8, TypeOID.int8Array)
    case .textArray(let values): return try append(values.map { Array($0.utf8) }, TypeOID.text, TypeOID.textArray)
    case .bytesArray(let values): return try append(values, TypeOID.bytea, TypeOID.byteaArray)
    }
  }

  private mutating func append(_ value: some FixedWidthInteger, _ type: UInt32) -> UInt32 {
    put(value)
    return type
  }

  private mutating func append(_ value: some Sequence<UInt8>, _ type: UInt32) -> UInt32 {
    bytes.append(contentsOf: value)
    return type
  }

  private mutating func append(_ values: [(some FixedWidthInteger)?], _ element: UInt32, _ type: UInt32) -> UInt32 {
    putArrayHeader(count: values.count, hasNulls: values.contains { $0 == nil }, element)
    for value in values {
      guard let value else {
        put(Int32(-1))
        continue
      }
      put(Int32(value.bitWidth / 8))
      put(value)
    }
    return type
  }

  private mutating func append(
    _ values: [[UInt8]], _ element: UInt32, _ type: UInt32
  ) throws(PostgresError) -> UInt32 {
    putArrayHeader(count: values.count, hasNulls: false, element)
    for value in values {
      guard let length = Int32(exactly: value.count) else {
        throw .decoding("an array's element has \(value.count) bytes: Postgres takes less than 1 GiB")
      }
      put(length)
      bytes.append(contentsOf: value)
    }
    return type
  }

  /// `array_recv`: dimensions, has nulls, the elements' type; then, for each dimension, its size and lower bound.
  private mutating func putArrayHeader(count: Int, hasNulls: Bool, _ element: UInt32) {
    put(Int32(count == 0 ? 0 : 1))
    put(Int32(hasNulls ? 1 : 0))
    put(element)
    guard count > 0 else { return }
    put(Int32(truncatingIfNeeded: count))  // 2³¹ elements fail the check of the whole parameter's length.
    put(Int32(1))
  }

  private mutating func put(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }

  private static func uuidBytes(_ text: String) throws(PostgresError) -> [UInt8] {
    let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
    let nibbles = digits.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    guard digits.count == 32, nibbles.count == 32 else { throw .decoding("“\(text)” is not a UUID") }
    return stride(from: 0, to: 32, by: 2).map { UInt8(nibbles[$0] << 4 | nibbles[$0 + 1]) }
  }
}
