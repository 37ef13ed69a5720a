import Catalog
import JobQueue
import ScanModel
import Testing

@testable import Worker

@Suite("The slot's machine")
struct SlotMachineTests {
  static let none = SlotMachine.Successors(slices: [], queue: "")
  static let firstPointer = SlotMachine.Successors(slices: [.first], queue: "scans")

  @Test("asks for the catalogue, then for what is in flight, and only then takes")
  func idle() {
    var machine = MachineUnderTest()
    #expect(machine.action == .ping)
    #expect(machine.hear(.pinged) == .look)
    #expect(machine.hear(.job(nil)) == .take)
    #expect(machine.hear(.job(nil)) == .look)
  }

  @Test("garbage is buried with the reason")
  func garbage() {
    var machine = MachineUnderTest.taken(.garbage)
    #expect(machine.action == .bury(.garbage, reason: "message is not valid JSON"))
    #expect(machine.hear(.settled) == .look)
  }

  static let admissions: [(Admission, SlotMachine.Action)] = [
    (.admitted(.with(.pending)), .finish(.request, nil, then: firstPointer)),
    (.existing(.with(.pending)), .finish(.request, nil, then: firstPointer)),
    (.existing(.with(.running)), .finish(.request, nil, then: none)),
    (.existing(.with(.completed)), .finish(.request, nil, then: none)),
    // The scan in the way may be this very request's own: its reply was lost, and nobody pushed.
    (.refused(by: .with(.pending)), .finish(.request, nil, then: firstPointer)),
    (.refused(by: .with(.running)), .finish(.request, nil, then: none)),
    (.refused(by: .with(.paused)), .finish(.request, nil, then: none)),
    (.removing, .bury(.request, reason: "library is being removed")),
    (
      .unknownLibrary,
      .bury(.request, reason: "no such library: add it with `rollcall library add NAME PATH`")
    ),
  ]

  @Test("a request ends by what became of it", arguments: admissions)
  func request(admission: Admission, end: SlotMachine.Action) {
    var machine = MachineUnderTest.taken(.request)
    #expect(machine.action == .admit(ScanRequest(target: .name("media"))))
    #expect(machine.hear(.admitted(admission)) == end)
    #expect(machine.hear(.settled) == .look)
  }

  @Test("a request that the catalogue will never take is buried")
  func inadmissible() {
    var machine = MachineUnderTest.taken(.request)
    #expect(machine.hear(.inadmissible(reason: "too long")) == .bury(.request, reason: "too long"))
  }

  @Test("a slice is locked, claimed from the epoch that was read, worked on and finished")
  func slice() {
    var machine = MachineUnderTest.taken(.pointer)
    #expect(machine.action == .inspect(.seven))
    guard case .lock(.pointer, let lock) = machine.hear(.standing(.open(epoch: 4, queue: "q"))) else {
      Issue.record("not locked but \(machine.action)")
      return
    }
    #expect(lock.slice == .seven)
    #expect(machine.hear(.locked(.claimed)) == .enter(lock, alone: false))
    #expect(machine.hear(.entered(true)) == .claim(lock, epoch: 4, holderDied: false))
    let claim = SliceClaim.of(lock, queue: "scans")
    #expect(machine.hear(.claimed(claim)) == .work(claim))
    let successors = SlotMachine.Successors(slices: SliceID.next, queue: "scans")
    #expect(machine.hear(.worked(.committed(queued: SliceID.next))) == .finish(.pointer, lock, then: successors))
    #expect(machine.hear(.settled) == .look)
  }

  static let standings: [(SliceStanding, SlotMachine.Action)] = [
    (.ended, .finish(.pointer, nil, then: none)),
    (.held, .finish(.pointer, nil, then: none)),
    (.done(queued: [], queue: "q"), .finish(.pointer, nil, then: .init(slices: [], queue: "q"))),
    (.done(queued: SliceID.next, queue: "q"), .finish(.pointer, nil, then: .init(slices: SliceID.next, queue: "q"))),
  ]

  @Test("a pointer to what is not to be worked on is finished quietly", arguments: standings)
  func closed(standing: SliceStanding, end: SlotMachine.Action) {
    var machine = MachineUnderTest.taken(.pointer)
    #expect(machine.hear(.standing(standing)) == end)
  }

  @Test("a job that is another's, or was taken away, is let go", arguments: [ClaimOutcome.held, .gone])
  func notOurs(outcome: ClaimOutcome) {
    var (machine, _) = MachineUnderTest.locking()
    #expect(machine.hear(.locked(outcome)) == .look)
  }

  @Test("whoever is superseded hands back and does not finish")
  func superseded() {
    var (claiming, lock) = MachineUnderTest.claiming()
    #expect(claiming.hear(.claimed(nil)) == .handBack(.pointer, lock, .front))
    var (working, held, _) = MachineUnderTest.working()
    #expect(working.hear(.worked(.superseded)) == .handBack(.pointer, held, .front))
  }

  @Test("interrupted work is released, and goes to the front")
  func interrupted() {
    var (machine, lock, claim) = MachineUnderTest.working()
    #expect(machine.hear(.worked(.interrupted)) == .release(claim))
    #expect(machine.hear(.ceded(.requeued)) == .handBack(.pointer, lock, .front))
    #expect(machine.hear(.settled) == .look)
  }

  @Test("what this slot cannot do goes to the back, and the slot waits", arguments: [true, false])
  func cannot(isRefusal: Bool) {
    var (machine, lock, claim) = MachineUnderTest.working()
    if isRefusal {
      #expect(machine.hear(.worked(.rootUnavailable(message: "gone"))) == .refuse(claim, message: "gone"))
    } else {
      #expect(machine.hear(.worked(.failed(message: "broken"))) == .fail(claim, message: "broken"))
    }
    #expect(machine.hear(.ceded(.requeued)) == .handBack(.pointer, lock, .back))
    #expect(machine.hear(.settled) == .wait(.seconds(30)))
    #expect(machine.hear(.waited) == .look)
  }

  @Test("a slice whose scan has failed by it is finished; one that moved on is handed back")
  func verdicts() {
    for outcome in [SlotMachine.WorkOutcome.failed(message: ""), .rootUnavailable(message: "")] {
      var (machine, lock, _) = MachineUnderTest.working()
      #expect(machine.hear(.worked(outcome), .ceded(.failed)) == .finish(.pointer, lock, then: Self.none))
      var (other, held, _) = MachineUnderTest.working()
      #expect(other.hear(.worked(outcome), .ceded(.fenced)) == .handBack(.pointer, held, .front))
    }
  }
}
