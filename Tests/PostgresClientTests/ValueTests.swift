import Foundation
import PostgresClient
import Testing

@Suite struct ValueTests {
  @Test func `integers of every width come back as they went`() throws {
    let row = try testConnection().query(
      "SELECT $1::int4::int2, $2::int4, $3::int8, $4::int8",
      [.int32(Int32(Int16.min)), .int32(.max), .int64(.min), 42])[0]
    #expect(row.count == 4)
    #expect(try row.int64(0) == Int64(Int16.min))
    #expect(try row.int64(1) == Int64(Int32.max))
    #expect(try row.int64(2) == .min)
    #expect(try row.int32(1) == .max)
    #expect(try row.int32(3) == 42)
    #expect(throws: PostgresError.self) { try row.int32(2) }
  }

  @Test func `doubles, booleans, text, uuid and JSON come back as they went`() throws {
    let row = try testConnection().query(
      "SELECT (-0.1)::float8, $1::bool, $2::text, $3::uuid::text, $4::jsonb, 1.5::float4, $5::name, 'x'::\"char\", NOT $1",
      [
        true, "añ🦊'\n", .uuid("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), .json(#"{"a": [1, null]}"#),
        "label",
      ])[0]
    #expect(try row.double(0) == -0.1)
    #expect(try row.boolean(1))
    #expect(try row.text(2) == "añ🦊'\n")
    #expect(try row.text(3) == "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
    #expect(try row.text(4) == #"{"a": [1, null]}"#)
    #expect(try row.double(5) == 1.5)
    #expect(try row.text(6) == "label")
    #expect(try row.text(7) == "x")
    #expect(try !row.boolean(8))
  }

  @Test func `bytes come back as they went, zeros and all`() throws {
    let connection = try testConnection()
    for bytes in [[], [0], [0, 1, 0, 255], Array(repeating: 0xA7, count: 300_000)] as [[UInt8]] {
      let row = try connection.query("SELECT $1::bytea, length($1)", [.bytes(bytes)])[0]
      #expect(try row.bytes(0) == bytes)
      #expect(try row.int64(1) == Int64(bytes.count))
    }
  }

  @Test func `empty text is not null`() throws {
    let row = try testConnection().query("SELECT $1::text, $1 IS NULL, $2::text", ["", nil])[0]
    #expect(try row.text(0) == "")
    #expect(try !row.boolean(1))
    #expect(try row.optionalText(2) == nil)
  }

  @Test func `a null is nil, and an error where a value was promised`() throws {
    let row = try testConnection().query(
      "SELECT $1::int8, $2::text, $3::bytea, $4::float8, $5::timestamptz, $6::bool",
      Array(repeating: nil, count: 6))[0]
    #expect(try row.optionalInt64(0) == nil)
    #expect(try row.optionalText(1) == nil)
    #expect(try row.optionalBytes(2) == nil)
    #expect(try row.optionalDouble(3) == nil)
    #expect(try row.optionalTimestamp(4) == nil)
    #expect(throws: PostgresError.self) { try row.int64(0) }
    #expect(throws: PostgresError.self) { try row.boolean(5) }
  }

  @Test func `arrays come back as they went`() throws {
    let row = try testConnection().query(
      "SELECT $1::int8[]::text, $2::int4[]::text, $3::text[]::text, $4::int8[]::text, ($5::bytea[])[2], cardinality($5::bytea[])",
      [
        .int64Array([.min, 0, .max]), .int32Array([-1, 7]), .textArray(["", "a,{}\"", "ü"]), .int64Array([]),
        .bytesArray([[], [0, 9, 0]]),
      ])[0]
    #expect(try row.text(0) == "{\(Int64.min),0,\(Int64.max)}")
    #expect(try row.text(1) == "{-1,7}")
    #expect(try row.text(2) == #"{"","a,{}\"",ü}"#)
    #expect(try row.text(3) == "{}")
    #expect(try row.bytes(4) == [0, 9, 0])
    #expect(try row.int64(5) == 2)
  }

  @Test func `nulls in an array arrive as nulls`() throws {
    let connection = try testConnection()
    let rows = try connection.query("SELECT unnest($1::int8[])", [.nullableInt64Array([1, nil, 3])])
    #expect(try rows.map { try $0.optionalInt64(0) } == [1, nil, 3])
  }

  @Test func `timestamps are moments to the microsecond, and infinity is none`() throws {
    let row = try testConnection().query(
      """
      SELECT '2024-02-29 12:00:00.25+02'::timestamptz, '1970-01-01 00:00:00'::timestamp, 'infinity'::timestamptz
      """)[0]
    #expect(try row.timestamp(0) == Date(timeIntervalSince1970: 1_709_200_800.25))
    #expect(try row.timestamp(1) == Date(timeIntervalSince1970: 0))
    #expect(throws: PostgresError.self) { try row.timestamp(2) }
  }

  @Test func `a column of another type or beyond the last is an error, never a guess`() throws {
    let row = try testConnection().query("SELECT 1::int8, 'x'::text, 1.5::numeric")[0]
    #expect(throws: PostgresError.self) { try row.text(0) }
    #expect(throws: PostgresError.self) { try row.int64(1) }
    #expect(throws: PostgresError.self) { try row.double(2) }
    #expect(throws: PostgresError.self) { try row.timestamp(0) }
    #expect(throws: PostgresError.self) { try row.int64(3) }
    #expect(throws: PostgresError.self) { try row.int64(-1) }
  }

  @Test func `an array of integers is read, and none with nulls or of another type`() throws {
    let row = try testConnection().query(
      "SELECT $1::int8[], '{}'::int8[], $2::int8[], 'x'::text",
      [.int64Array([.min, 0, .max]), .nullableInt64Array([1, nil])])[0]
    #expect(try row.int64Array(0) == [.min, 0, .max])
    #expect(try row.int64Array(1) == [])
    for column in [2, 3] { #expect(throws: PostgresError.self) { try row.int64Array(column) } }
  }

  @Test func `more parameters than the protocol counts are refused before they are sent`() throws {
    let connection = try testConnection()
    let error = failure { () throws(PostgresError) in
      _ = try connection.query("SELECT 1", Array(repeating: .int64(1), count: 65_536))
    }
    guard case .decoding = error else {
      Issue.record("\(error as Any)")
      return
    }
  }

  @Test func `what is no UUID is refused before it is sent`() throws {
    let connection = try testConnection()
    for wrong in ["", "xyz", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"] {
      #expect(throws: PostgresError.self) { try connection.query("SELECT $1::uuid", [.uuid(wrong)]) }
    }
    #expect(!connection.isConnected)
  }
}
