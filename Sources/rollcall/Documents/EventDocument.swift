import Catalog
import Foundation

/// An event of a scan as `--json` shows it.
struct EventDocument: Encodable {
  let id: Int64
  let at: Date
  let event: String
  @OrNull var actor: String?
  @OrNull var detail: JSONValue?

  init(_ record: ScanEventRecord) throws {
    id = record.id
    at = record.at
    event = record.event
    actor = record.actor
    detail = try record.detail.map { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8)) }
  }

  private enum CodingKeys: String, CodingKey { case id, at, event, actor, detail }
}

/// Any JSON, handed on as it is. Numbers keep their value: whole ones of 64 bits, others of 38 digits.
indirect enum JSONValue: Codable, Equatable {
  case null
  case boolean(Bool)
  case integer(Int64)
  case number(Decimal)
  case text(String)
  case array([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let boolean = try? value.decode(Bool.self) {  // each is tried; what fits none throws at the end
      self = .boolean(boolean)
    } else if let integer = try? value.decode(Int64.self) {
      self = .integer(integer)
    } else if let number = try? value.decode(Decimal.self) {
      self = .number(number)
    } else if let text = try? value.decode(String.self) {
      self = .text(text)
    } else if let array = try? value.decode([JSONValue].self) {
      self = .array(array)
    } else {
      self = .object(try value.decode([String: JSONValue].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .boolean(let boolean): try container.encode(boolean)
    case .integer(let integer): try container.encode(integer)
    case .number(let number): try container.encode(number)
    case .text(let text): try container.encode(text)
    case .array(let array): try container.encode(array)
    case .object(let object): try container.encode(object)
    }
  }
}
