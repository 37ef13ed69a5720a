import ScanModel
import Testing

@testable import Catalog

/// A confirmation at the same time as something that excludes it.
@Suite struct SettlingRivalTests {
  enum Rival: CaseIterable { case admission, removal }

  @Test(arguments: Rival.allCases)
  func `of a confirmation and what excludes it only one is done, and the other says so`(rival: Rival) throws {
    for _ in 0..<4 {
      let (scan, _, _) = try SettlingTests().heldScan()
      let database = scan.database
      let answers = try onThreads(2) { place -> String in
        let catalog = database.catalog()
        if place == 0 { return try Self.answer(catalog) }
        if rival == .removal {
          return try catalog.execute(Statements.libraryClose, [.int64(1)])[0].optionalInt64(0) == nil
            ? "closed" : "active"
        }
        switch try catalog.admit(ScanRequest(target: .name("media")), through: .cli) {
        case .admitted: return "admitted"
        case .refused: return "active"
        default: return "?"
        }
      }
      let isConfirmed = answers[0] == "confirmed"
      let lost = rival == .removal ? ["removing", "closed"] : ["refused", "admitted"]
      #expect(answers == (isConfirmed ? ["confirmed", "active"] : lost))
      let active = "SELECT count(*) FROM scans WHERE status IN ('pending', 'running', 'paused')"
      #expect(try scan.number(active) == (isConfirmed || rival == .admission ? 1 : 0))
      #expect(try scan.removedFiles == 0)
    }
  }

  private static func answer(_ catalog: Catalog) throws -> String {
    switch try catalog.confirm(ScanID(1), by: "Ann", through: .cli) {
    case .confirmed: "confirmed"
    case .refused: "refused"
    case .removing: "removing"
    default: "?"
    }
  }
}
