/// A statement's parameter. All travel in binary format with the OID of their type; a null has none, and the server
/// infers it from the SQL.
public enum PostgresParameter: Sendable {
  case null
  case int32(Int32)
  case int64(Int64)
  case boolean(Bool)
  case text(String)
  case bytes([UInt8])
  /// The usual text form with hyphens.
  case uuid(String)
  /// JSON text, sent as `jsonb`.
  case json(String)
  case int32Array([Int32])
  case int64Array([Int64])
  case nullableInt64Array([Int64?])
  case textArray([String])
  case bytesArray([[UInt8]])
}

extension PostgresParameter: ExpressibleByNilLiteral, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
  ExpressibleByBooleanLiteral
{
  public init(nilLiteral: ()) { self = .null }
  public init(integerLiteral value: Int64) { self = .int64(value) }
  public init(stringLiteral value: String) { self = .text(value) }
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
}

/// Object identifiers of built-in types, the same in every Postgres (`pg_type.dat`).
enum TypeOID {
  static let boolean: UInt32 = 16
  static let bytea: UInt32 = 17
  static let char: UInt32 = 18
  static let name: UInt32 = 19
  static let int8: UInt32 = 20
  static let int2: UInt32 = 21
  static let int4: UInt32 = 23
  static let text: UInt32 = 25
  static let json: UInt32 = 114
  static let float4: UInt32 = 700
  static let float8: UInt32 = 701
  static let unknown: UInt32 = 705
  static let byteaArray: UInt32 = 1001
  static let int4Array: UInt32 = 1007
  static let textArray: UInt32 = 1009
  static let int8Array: UInt32 = 1016
  static let bpchar: UInt32 = 1042
  static let varchar: UInt32 = 1043
  static let timestamp: UInt32 = 1114
  static let timestamptz: UInt32 = 1184
  static let uuid: UInt32 = 2950
  static let jsonb: UInt32 = 3802
  /// Types that users create, enums among them, begin here (FirstNormalObjectId).
  static let firstOfUsers: UInt32 = 16384
}
