import Catalog
import JobQueue
import ScanModel
import Testing

@testable import Worker

@Suite("The slot's machine when it is told to stop")
struct SlotMachineStopTests {
  private func expect(_ machine: MachineUnderTest, hearing event: SlotMachine.Event, ends: SlotMachine.Action) {
    var machine = machine
    #expect(machine.hear(event, stopping: true) == ends)
    guard ends != .stop else { return }
    #expect(machine.hear(.settled, stopping: true) == .stop)
  }

  @Test("idle, it stops at once")
  func idle() {
    var machine = MachineUnderTest()
    expect(machine, hearing: .pinged, ends: .stop)
    machine.hear(.pinged)
    expect(machine, hearing: .job(nil), ends: .stop)
    machine.hear(.job(nil))
    expect(machine, hearing: .job(nil), ends: .stop)
  }

  @Test("waiting, it stops at once", arguments: [true, false])
  func waiting(isRefusal: Bool) {
    var (machine, _, _) = MachineUnderTest.working()
    if isRefusal {
      machine.hear(.worked(.rootUnavailable(message: "")), .ceded(.requeued), .settled)
    } else {
      machine.hear(.catalogAway, .settled)
    }
    expect(machine, hearing: .waited, ends: .stop)
  }

  @Test("no new work is begun: what was taken, locked or claimed is handed back to the front")
  func handsBack() {
    for job in [TakenJob.pointer, .request, .garbage] {
      var machine = MachineUnderTest()
      machine.hear(.pinged)
      expect(machine, hearing: .job(job), ends: .handBack(job, nil, .front))
      machine.hear(.job(nil))
      expect(machine, hearing: .job(job), ends: .handBack(job, nil, .front))
    }
    expect(.taken(.pointer), hearing: .standing(.open(epoch: 1, queue: "q")), ends: .handBack(.pointer, nil, .front))
    let (locking, lock) = MachineUnderTest.locking()
    expect(locking, hearing: .locked(.claimed), ends: .handBack(.pointer, lock, .front))
    expect(locking, hearing: .locked(.held), ends: .stop)
    var (claiming, held) = MachineUnderTest.claiming()
    let claim = SliceClaim.of(held)
    #expect(claiming.hear(.claimed(claim), stopping: true) == .release(claim))
    expect(claiming, hearing: .ceded(.requeued), ends: .handBack(.pointer, held, .front))
  }

  @Test("what is done is finished")
  func finishes() {
    let (working, lock, _) = MachineUnderTest.working()
    expect(
      working, hearing: .worked(.committed(queued: SliceID.next)),
      ends: .finish(.pointer, lock, then: .init(slices: SliceID.next, queue: "q")))
    expect(
      .taken(.request), hearing: .admitted(.admitted(.with(.pending))),
      ends: .finish(.request, nil, then: SlotMachineTests.firstPointer))
    expect(.taken(.pointer), hearing: .standing(.ended), ends: .finish(.pointer, nil, then: SlotMachineTests.none))
  }

  @Test("with the catalogue away the job is handed back without waiting for it")
  func catalogAway() {
    let (working, lock, _) = MachineUnderTest.working()
    expect(working, hearing: .catalogAway, ends: .handBack(.pointer, lock, .front))
    expect(.taken(.request), hearing: .catalogAway, ends: .handBack(.request, nil, .front))
  }

  @Test("a lost reply is followed by one more look, and what it finds is handed back with its lock")
  func looksOnce() {
    var (machine, lock) = MachineUnderTest.locking()
    #expect(machine.hear(.queueAway, stopping: true) == .look)
    expect(machine, hearing: .job(.pointer), ends: .handBack(.pointer, lock, .front))
    expect(machine, hearing: .job(nil), ends: .stop)
    expect(machine, hearing: .queueAway, ends: .stop)
  }

  @Test("told while it waits after a lost reply, it looks too")
  func looksAfterWait() {
    var (machine, lock) = MachineUnderTest.locking()
    machine.hear(.queueAway)
    #expect(machine.hear(.waited, stopping: true) == .look)
    expect(machine, hearing: .job(.pointer), ends: .handBack(.pointer, lock, .front))
  }

  @Test("a step that ends a job is tried once more, without a wait")
  func settlesOnceMore() {
    var machine = MachineUnderTest.taken(.garbage)
    let bury = machine.action
    #expect(machine.hear(.queueAway, stopping: true) == bury)
    expect(machine, hearing: .settled, ends: .stop)
    expect(machine, hearing: .queueAway, ends: .stop)
  }

  @Test("told while it waits to repeat such a step, it repeats it")
  func settlesAfterWait() {
    var machine = MachineUnderTest.taken(.garbage)
    let bury = machine.action
    machine.hear(.queueAway)
    #expect(machine.hear(.waited, stopping: true) == bury)
    #expect(machine.hear(.settled, stopping: true) == .stop)
  }
}
