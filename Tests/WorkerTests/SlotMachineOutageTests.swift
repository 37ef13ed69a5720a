import Catalog
import JobQueue
import ScanModel
import Testing

@testable import Worker

@Suite("The slot's machine while servers are away")
struct SlotMachineOutageTests {
  @Test("with the catalogue away the job goes to the front, and nothing is taken before a ping is answered")
  func catalogAway() {
    var stages: [(MachineUnderTest, TakenJob, HeldLock?)] = [
      (.taken(.request), .request, nil), (.taken(.pointer), .pointer, nil),
    ]
    let (claiming, held) = MachineUnderTest.claiming()
    stages.append((claiming, .pointer, held))
    let (working, lock, _) = MachineUnderTest.working()
    stages.append((working, .pointer, lock))
    for outcome in [SlotMachine.WorkOutcome.interrupted, .failed(message: ""), .rootUnavailable(message: "")] {
      var (ceding, lock, _) = MachineUnderTest.working()
      ceding.hear(.worked(outcome))
      stages.append((ceding, .pointer, lock))
    }
    for (stage, job, lock) in stages {
      var machine = stage
      #expect(machine.hear(.catalogAway) == .handBack(job, lock, .front))
      #expect(machine.hear(.settled) == .wait(.milliseconds(100)))
      #expect(machine.hear(.waited) == .ping)
      #expect(machine.hear(.catalogAway) == .wait(.milliseconds(200)))
      #expect(machine.hear(.waited) == .ping)
      #expect(machine.hear(.pinged) == .look)
    }
  }

  @Test("a step that ends a job is repeated as it was until it is answered")
  func settlingIsRepeated() {
    var finishing = MachineUnderTest.taken(.pointer)
    finishing.hear(.standing(.done(queued: SliceID.next, queue: "q")))
    var (handingBack, _) = MachineUnderTest.claiming()
    handingBack.hear(.claimed(nil))
    for stage in [finishing, handingBack, .taken(.garbage)] {
      var machine = stage
      let end = machine.action
      for wait in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000] {
        #expect(machine.hear(.queueAway) == .wait(.milliseconds(wait)))
        #expect(machine.hear(.waited) == end)
      }
      #expect(machine.hear(.settled) == .look)
    }
  }

  @Test("after any other lost reply the slot looks for the job in flight, and takes none")
  func lostReplies() {
    var looking = MachineUnderTest()
    looking.hear(.pinged)
    var taking = looking
    taking.hear(.job(nil))
    let (locking, _) = MachineUnderTest.locking()
    let (finding, _) = MachineUnderTest.finding()
    var (refusing, _, _) = MachineUnderTest.working()
    refusing.hear(.worked(.rootUnavailable(message: "")))
    for stage in [looking, taking, locking, finding, refusing] {
      var machine = stage
      #expect(machine.hear(.queueAway) == .wait(.milliseconds(100)))
      #expect(machine.hear(.waited) == .look)
    }
  }

  @Test("after a lost reply a slice is locked under the same claim, and later under a new one")
  func sameClaim() {
    var (machine, lock) = MachineUnderTest.locking()
    machine.hear(.queueAway, .waited, .job(.pointer))
    #expect(machine.hear(.standing(.open(epoch: 4, queue: "q"))) == .lock(.pointer, lock))
    machine.hear(
      .locked(.claimed), .entered(true), .claimed(nil), .settled, .job(.pointer), .standing(.open(epoch: 5, queue: "q"))
    )
    guard case .lock(.pointer, let later) = machine.action else {
      Issue.record("not locked but \(machine.action)")
      return
    }
    #expect(later.claim != lock.claim)
  }

  @Test("a lock that a lost reply may have left is released with the job")
  func leftLock() {
    let ends: [(SlotMachine.Event, (HeldLock) -> SlotMachine.Action)] = [
      (.standing(.ended), { .finish(.pointer, $0, then: SlotMachineTests.none) }),
      (.standing(.held), { .finish(.pointer, $0, then: SlotMachineTests.none) }),
      (.standing(.done(queued: [], queue: "q")), { .finish(.pointer, $0, then: .init(slices: [], queue: "q")) }),
      (.catalogAway, { .handBack(.pointer, $0, .front) }),
    ]
    for (event, end) in ends {
      var (machine, lock) = MachineUnderTest.locking()
      #expect(machine.hear(.queueAway, .waited, .job(.pointer), event) == end(lock))
    }
  }

  @Test("another job is not taken for the one whose reply was lost")
  func otherJob() {
    var (machine, _) = MachineUnderTest.locking()
    let other = TakenJob(queue: "other", payload: TakenJob.pointer.payload)
    machine.hear(.queueAway, .waited, .job(other))
    #expect(machine.hear(.standing(.ended)) == .finish(other, nil, then: SlotMachineTests.none))
  }

  @Test("while only reads are answered, as by a replica, waits grow")
  func queueReadsOnly() {
    var machine = MachineUnderTest()
    machine.hear(.pinged)
    for wait in [100, 200, 400, 800, 1_600, 3_200, 5_000] {
      #expect(machine.hear(.job(nil), .queueAway) == .wait(.milliseconds(wait)))
      #expect(machine.hear(.waited) == .look)
    }
    machine.hear(.job(nil), .job(nil), .job(nil))
    #expect(machine.hear(.queueAway) == .wait(.milliseconds(100)), "a take that is answered ends the outage")
  }

  @Test("while only pings are answered, as by a standby, waits grow")
  func catalogReadsOnly() {
    var machine = MachineUnderTest()
    machine.hear(.pinged)
    for wait in [100, 200, 400, 800, 1_600, 3_200, 5_000] {
      #expect(machine.hear(.job(.request), .catalogAway) == .handBack(.request, nil, .front))
      #expect(machine.hear(.settled) == .wait(.milliseconds(wait)))
      machine.hear(.waited, .pinged)
    }
    machine.hear(.job(.request), .admitted(.unknownLibrary), .settled)
    machine.hear(.job(.request), .catalogAway)
    #expect(machine.hear(.settled) == .wait(.milliseconds(100)), "a job that ends by its answer ends the outage")
  }
}
