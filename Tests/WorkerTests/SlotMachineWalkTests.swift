import Catalog
import JobQueue
import ScanModel
import TestSupport
import Testing

@testable import Worker

/// Walks the machine at random through every answer that each of its actions may get, and checks at each
/// step what must always hold.
@Suite("The slot's machine, whatever it hears")
struct SlotMachineWalkTests {
  @Test("keeps its promises in every state, for every answer, stopping or not")
  func walks() {
    var heard: Set<String> = []
    for seed in 0..<12_000 { walk(seed: UInt64(seed), &heard) }
    let all = Self.actions.flatMap { action in
      Self.answers(to: action).indices.flatMap { index in
        [false, true].map { Self.key(action, index, stopping: $0) }
      }
    }
    let missing = Set(all).subtracting(heard)
    #expect(missing.isEmpty, "the walks do not show every answer in every state")
  }

  private func walk(seed: UInt64, _ heard: inout Set<String>) {
    var random = SeededRandom(seed: seed)
    var machine = MachineUnderTest(random: SeededRandom(seed: seed))
    var watch = Watch()
    let stopAt = Int.random(in: 0..<40, using: &random)
    for step in 0..<60 where machine.action != .stop {
      let stopping = step >= stopAt
      let action = machine.action
      let answers = Self.answers(to: action)
      // The first answer leads on to what comes rarely.
      let index = Bool.random(using: &random) ? 0 : Int.random(in: answers.indices, using: &random)
      heard.insert(Self.key(action, index, stopping: stopping))
      machine.hear(answers[index], stopping: stopping)
      watch.saw(action, answers[index])
      if let broken = watch.broken(by: machine.action, stopping: stopping) {
        Issue.record("seed \(seed), step \(step): \(action), \(answers[index]), \(machine.action): \(broken)")
        return
      }
    }
    #expect(machine.action == .stop, "seed \(seed): does not stop")
  }

  /// What may be answered to each kind of action; `queueAway` and `catalogAway` where a server is asked.
  private static func answers(to action: SlotMachine.Action) -> [SlotMachine.Event] {
    switch action {
    case .ping: [.pinged, .catalogAway]
    case .look, .take: [.job(.pointer), .job(nil), .job(.request), .job(.garbage), .queueAway]
    case .admit: SlotMachineTests.admissions.map { .admitted($0.0) } + [.inadmissible(reason: ""), .catalogAway]
    case .inspect:
      [
        .standing(.open(epoch: 4, queue: "q")), .standing(.open(epoch: 4, attempts: 1, queue: "q")),
        .standing(.open(epoch: 4, holder: .other, queue: "q")), .standing(.open(epoch: 4, holder: .own, queue: "q")),
        .catalogAway,
      ] + SlotMachineTests.standings.map { .standing($0.0) }
    case .lock: [.locked(.claimed), .locked(.held), .locked(.gone), .queueAway]
    case .findHolder: [.holder(isAlive: true), .holder(isAlive: false), .queueAway]
    case .enter: [.entered(true), .entered(false), .gaveWay]
    case .claim(let lock, _, _):
      [
        .claimed(.of(lock)), .claimed(.of(lock, attempts: 1)), .claimed(.beginning(lock)), .claimed(nil), .catalogAway,
        .unworkable,
      ]
    case .preflight: [.preflighted([.warning, .failure]), .preflighted([.warning]), .preflighted([]), .catalogAway]
    case .work:
      [
        .worked(.committed(queued: SliceID.next)), .worked(.superseded), .worked(.interrupted),
        .worked(.rootUnavailable(message: "")), .worked(.failed(message: "")), .catalogAway,
      ]
    case .release: [.ceded(.requeued), .ceded(.fenced), .catalogAway]
    case .fail: [.ceded(.requeued), .ceded(.failed), .ceded(.fenced), .catalogAway]
    case .refuse: [.ceded(.requeued), .ceded(.failed), .ceded(.fenced), .catalogAway, .queueAway]
    case .reject: [.ceded(.failed), .ceded(.fenced), .catalogAway]
    case .finish, .handBack, .bury: [.settled, .queueAway]
    case .wait: [.waited]
    case .stop: []
    }
  }

  /// One of each kind.
  private static let actions: [SlotMachine.Action] = {
    let lock = HeldLock(slice: .seven, claim: ClaimID())
    let claim = SliceClaim.of(lock)
    return [
      .ping, .look, .take, .admit(ScanRequest(target: .name("media"))), .inspect(.seven), .lock(.pointer, lock),
      .findHolder(.other, queue: "q"), .enter(lock, alone: true), .claim(lock, epoch: 4, holderDied: false),
      .preflight(claim), .reject(claim, []), .work(claim), .release(claim), .fail(claim, message: ""),
      .refuse(claim, message: ""),
      .finish(.pointer, lock, then: SlotMachineTests.none), .handBack(.pointer, lock, .front),
      .bury(.garbage, reason: ""), .wait(.zero),
    ]
  }()

  private static func key(_ action: SlotMachine.Action, _ answer: Int, stopping: Bool) -> String {
    "\(Mirror(reflecting: action).children.first?.label ?? "\(action)"), answer \(answer)\(stopping ? ", stopping" : "")"
  }
}

/// What a walk has shown so far.
private struct Watch {
  private var inHand: TakenJob?
  private var queueFailures = 0
  private var isCatalogAway = true
  private var lastLock: (job: TakenJob, lock: HeldLock)?
  /// The last turn that was asked for, and what was heard of the slice's holder before.
  private var isAlone: Bool?
  private var holder: (isKnown: Bool, isAlive: Bool)?

  /// The last answer let the scan of the claim in hand begin.
  private var isPreflighted = false

  mutating func saw(_ action: SlotMachine.Action, _ answer: SlotMachine.Event) {
    isPreflighted = if case .preflighted(let findings) = answer { findings.failures.isEmpty } else { false }
    if case .lock(let job, let lock) = action { lastLock = (job, lock) }
    if case .inspect = action { (isAlone, holder) = (nil, nil) }
    if case .standing(.open(_, _, let worker, _)) = answer { holder = (worker != nil, true) }
    if case .holder(let isAlive) = answer { holder?.isAlive = isAlive }
    if case .enter(_, let alone) = action, case .entered(true) = answer { isAlone = alone }
    switch answer {
    case .queueAway: queueFailures += 1
    case .catalogAway: isCatalogAway = true
    case .pinged: isCatalogAway = false
    case .waited: break
    default: queueFailures = 0
    }
    switch answer {
    case .job(let job):
      inHand = job
    case .settled, .locked(.held), .locked(.gone):
      inHand = nil
      lastLock = nil
    default: break
    }
  }

  /// The promise that `action` breaks.
  func broken(by action: SlotMachine.Action, stopping: Bool) -> String? {
    switch action {
    case .take, .admit, .inspect, .lock, .findHolder, .enter, .claim, .preflight, .work:
      if stopping { return "work is begun although it stops" }
      if isCatalogAway { return "work is begun while the catalogue is away" }
      if case .findHolder(.own, _) = action { return "it asks for itself" }
      if case .claim(_, _, let holderDied) = action {
        if isAlone == nil { return "a slice is claimed out of turn" }
        if holderDied == holder?.isAlive { return "the holder is not what it was heard to be" }
      }
      if case .work(let claim) = action, claim.attempts > 0, isAlone != true {
        return "a slice that failed is worked on beside others"
      }
      if case .work(let claim) = action, claim.beginsScan, !isPreflighted { return "a scan begins unchecked" }
      if action == .take, inHand != nil { return "a job is taken while another is in hand" }
    case .finish(let job, _, _), .handBack(let job, _, _), .bury(let job, _):
      if job != inHand { return "a job ends that is not in hand" }
    case .stop:
      if !stopping { return "it stops untold" }
      if inHand != nil, queueFailures < 2 { return "it stops with a job in hand" }
    case .wait(let duration):
      if duration > .seconds(30) { return "it waits too long" }
    case .ping, .look, .release, .fail, .refuse, .reject: break
    }
    if case .lock(let job, let lock) = action, let lastLock, lastLock.job == job, lastLock.lock != lock {
      return "a second try comes under another claim"
    }
    return nil
  }
}
