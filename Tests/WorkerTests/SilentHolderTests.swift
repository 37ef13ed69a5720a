import TestSupport
import Testing

@testable import Worker

/// A slice whose holder gives no sign of life, taken over by another worker's slot.
@Suite struct SilentHolderTests {
  @Test(arguments: [true, false])
  func `counts as dead, but not where Redis was away just before`(wasAway: Bool) throws {
    let slot = try LoggedSlot(message: #"{"v":1,"slice":"1/1"}"#)
    try slot.database.query(
      """
      SELECT admit_scan('x', NULL, 'full', NULL, 'cli', NULL);
      SELECT claim_slice(1, 1, 0, gen_random_uuid(), 'holder-00000001/0', 'elsewhere', false)
      """)
    // It ends with the slot's first answer of the queue's.
    if wasAway { slot.shared.redisOutage.begin("for a while") }
    let thread = try slot.start()
    try eventually("the scan ends") { try slot.database.query("SELECT status FROM scans") == ["completed"] }
    slot.shared.stop.request()
    thread.join()
    let takeovers = try slot.database.query(
      "SELECT detail->>'from', detail->>'dead' FROM scan_events WHERE event = 'slice_taken_over'")
    #expect(takeovers == ["holder-00000001/0\t\(!wasAway)"])
  }
}
