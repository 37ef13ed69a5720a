import Catalog
import JobQueue
import ScanModel
import Testing

@testable import Worker

@Suite struct SlotMachinePreflightTests {
  /// A machine that makes sure that a scan can be done.
  private func preparing() -> (MachineUnderTest, (lock: HeldLock, claim: SliceClaim)) {
    var (machine, lock) = MachineUnderTest.claiming()
    let claim = SliceClaim.beginning(lock)
    machine.hear(.claimed(claim))
    return (machine, (lock, claim))
  }

  @Test func `the first slice of a scan is worked on once everything is made sure of, whatever is warned of`() {
    for findings in [[], [PreflightFinding.warning]] {
      var (machine, held) = preparing()
      #expect(machine.action == .preflight(held.claim))
      #expect(machine.hear(.preflighted(findings)) == .work(held.claim))
    }
  }

  @Test func `a scan that must not begin is rejected, and its job finished`() {
    var (machine, held) = preparing()
    let findings = [PreflightFinding.warning, .failure]
    #expect(machine.hear(.preflighted(findings)) == .reject(held.claim, findings))
    #expect(machine.hear(.ceded(.failed)) == .finish(.pointer, held.lock, then: SlotMachineTests.none))
    #expect(machine.hear(.settled) == .look)
  }

  @Test func `a slice that another has taken meanwhile is handed back, not rejected`() {
    var (machine, held) = preparing()
    machine.hear(.preflighted([.failure]))
    #expect(machine.hear(.ceded(.fenced)) == .handBack(.pointer, held.lock, .front))
  }

  @Test func `a catalogue that is away meanwhile fails no scan`() {
    var (machine, held) = preparing()
    #expect(machine.hear(.catalogAway) == .handBack(.pointer, held.lock, .front))
    guard case .wait = machine.hear(.settled) else {
      Issue.record("it does not wait, but \(machine.action)")
      return
    }
    #expect(machine.hear(.waited) == .ping)
  }

  @Test func `a slot that stops meanwhile releases what it has not begun`() {
    var (machine, held) = preparing()
    #expect(machine.hear(.preflighted([]), stopping: true) == .release(held.claim))
  }

  @Test func `what does not begin a scan is worked on at once`() {
    var (machine, lock) = MachineUnderTest.claiming()
    let claim = SliceClaim.of(lock)
    #expect(machine.hear(.claimed(claim)) == .work(claim))
  }
}
