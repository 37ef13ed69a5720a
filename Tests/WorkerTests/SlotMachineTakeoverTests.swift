import Catalog
import JobQueue
import ScanModel
import Testing

@testable import Worker

@Suite("The slot's machine before a claim")
struct SlotMachineTakeoverTests {
  /// A machine that has locked a slice that stands so, and the lock.
  private func locked(_ standing: SliceStanding) -> (MachineUnderTest, HeldLock) {
    var machine = MachineUnderTest.taken(.pointer)
    guard case .lock(_, let lock) = machine.hear(.standing(standing)) else {
      preconditionFailure("an open slice is locked")
    }
    machine.hear(.locked(.claimed))
    return (machine, lock)
  }

  @Test("asks whether another that holds the slice lives, and claims with the answer", arguments: [true, false])
  func holder(isAlive: Bool) {
    var (machine, lock) = locked(.open(epoch: 4, holder: .other, queue: "q"))
    #expect(machine.action == .findHolder(.other, queue: "q"))
    #expect(machine.hear(.holder(isAlive: isAlive)) == .enter(lock, alone: !isAlive))
    #expect(machine.hear(.entered(true)) == .claim(lock, epoch: 4, holderDied: !isAlive))
  }

  @Test("does not ask for itself, nor where nobody holds the slice", arguments: [WorkerID.own, nil])
  func noHolder(holder: WorkerID?) {
    var (machine, lock) = locked(.open(epoch: 4, holder: holder, queue: "q"))
    #expect(machine.action == .enter(lock, alone: false))
    #expect(machine.hear(.entered(true)) == .claim(lock, epoch: 4, holderDied: false))
  }

  @Test("is alone with a slice that failed before, whoever holds it", arguments: [WorkerID.own, .other, nil])
  func alone(holder: WorkerID?) {
    var (machine, lock) = locked(.open(epoch: 4, attempts: 1, holder: holder, queue: "q"))
    if holder == .other { machine.hear(.holder(isAlive: true)) }
    #expect(machine.action == .enter(lock, alone: true))
    machine.hear(.entered(true))
    let claim = SliceClaim.of(lock, attempts: 1)
    #expect(machine.hear(.claimed(claim)) == .work(claim))
  }

  @Test("hands a slice back that failed since it was inspected: the slot is not alone with it")
  func failedMeanwhile() {
    var (machine, lock) = locked(.open(epoch: 4, queue: "q"))
    machine.hear(.entered(true))
    let claim = SliceClaim.of(lock, attempts: 1)
    #expect(machine.hear(.claimed(claim)) == .release(claim))
    #expect(machine.hear(.ceded(.requeued)) == .handBack(.pointer, lock, .front))
  }

  @Test("moves a pointer from another queue to its scan's: there is the slice's lock")
  func anotherQueue() {
    for holder in [WorkerID.own, .other, nil] {
      var machine = MachineUnderTest.taken(.pointer)
      let moved = SlotMachine.Successors(slices: [.seven], queue: "elsewhere")
      #expect(
        machine.hear(.standing(.open(epoch: 4, holder: holder, queue: "elsewhere")))
          == .finish(.pointer, nil, then: moved))
      #expect(machine.hear(.settled) == .look)
    }
  }

  @Test("hands the job back when it gave up its turn")
  func gaveUp() {
    var (machine, lock) = locked(.open(epoch: 4, queue: "q"))
    #expect(machine.hear(.entered(false)) == .handBack(.pointer, lock, .front))
    #expect(machine.hear(.settled) == .look)
  }

  @Test("sends a slice that cannot be alone to the back of its queue, without a claim of it, and rests")
  func gaveWay() {
    var (machine, lock) = locked(.open(epoch: 4, attempts: 1, queue: "q"))
    #expect(machine.hear(.gaveWay) == .handBack(.pointer, lock, .back))
    guard case .wait(let pause) = machine.hear(.settled) else {
      Issue.record("does not rest")
      return
    }
    #expect(pause > .zero)
    #expect(machine.hear(.waited) == .look)
  }

  @Test("hands the job back when it is told to stop meanwhile")
  func stops() {
    var (finding, lock) = MachineUnderTest.finding()
    #expect(finding.hear(.holder(isAlive: false), stopping: true) == .handBack(.pointer, lock, .front))
    var (entering, held) = MachineUnderTest.entering()
    #expect(entering.hear(.entered(true), stopping: true) == .handBack(.pointer, held, .front))
    #expect(entering.hear(.settled, stopping: true) == .stop)
  }
}
