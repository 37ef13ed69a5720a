import PostgresClient

/// Ids for new rows, drawn from the sequences in blocks, so that rows are numbered before they are sent.
/// What is left of a block serves the slot's next slice; what is left at the end is lost.
final class IDBlocks {
  private let connection: PostgresConnection
  private var directories: Range<Int64> = 0..<0
  private var files: Range<Int64> = 0..<0

  init(_ connection: PostgresConnection) { self.connection = connection }

  func nextDirectory() throws(PostgresError) -> Int64 {
    if directories.isEmpty { directories = try block(Statements.directoryIDs) }
    return Self.draw(&directories)
  }

  func nextFile() throws(PostgresError) -> Int64 {
    if files.isEmpty { files = try block(Statements.fileIDs) }
    return Self.draw(&files)
  }

  private static func draw(_ block: inout Range<Int64>) -> Int64 {
    let id = block.lowerBound
    block = (id + 1)..<block.upperBound
    return id
  }

  private func block(_ statement: PostgresStatement) throws(PostgresError) -> Range<Int64> {
    let row = try connection.execute(statement)[0]
    let first = try row.int64(0)
    return first..<(first + (try row.int64(1)))
  }
}
