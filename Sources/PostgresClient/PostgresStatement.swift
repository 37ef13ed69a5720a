/// SQL that is prepared once on each connection and known to the server by its name.
///
/// Two statements of one name and different SQL are a mistake that the server reports (42P05).
public struct PostgresStatement: Sendable, Hashable {
  /// At most 60 bytes: the server looks at 63, and a variant for other types of parameters adds a suffix.
  public let name: String
  /// Parameters are `$1`, `$2`…; cast them (`$1::bigint`) where the type is not plain from their use.
  public let sql: String

  public init(name: String, sql: String) {
    self.name = name
    self.sql = sql
  }

  /// Names are unique: hashing the SQL at every call would buy nothing.
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// What one connection has prepared.
///
/// The types of a statement's parameters are fixed when it is prepared, but a null has none: a statement that is
/// first run with a null gets another variant when a value of a type comes.
struct PreparedStatements {
  struct Variant {
    let name: String
    let types: [UInt32]

    /// A null fits any type.
    func accepts(_ wanted: [UInt32]) -> Bool {
      types.count == wanted.count && zip(types, wanted).allSatisfy { $1 == 0 || $0 == $1 }
    }
  }

  private var variants: [PostgresStatement: [Variant]] = [:]

  func variant(of statement: PostgresStatement, accepting types: [UInt32]) -> Variant? {
    variants[statement]?.first { $0.accepts(types) }
  }

  /// The variant to prepare next; it counts only after `insert`.
  func newVariant(of statement: PostgresStatement, types: [UInt32]) -> Variant {
    let number = (variants[statement]?.count ?? 0) + 1
    return Variant(name: number == 1 ? statement.name : "\(statement.name)/\(number)", types: types)
  }

  mutating func insert(_ variant: Variant, of statement: PostgresStatement) {
    variants[statement, default: []].append(variant)
  }

  mutating func removeAll() { variants.removeAll() }
}
