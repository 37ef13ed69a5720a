import BlockingThread
import Foundation
import ScanModel
import TestSupport
import Testing

@testable import Worker

/// What is renamed while a scan runs is there once at the scan's end.
@Suite struct RewalkTests {
  typealias Counters = RescannedTree.Counters

  enum Way: CaseIterable { case intoWalked, outOfWalked }

  /// When the walk is struck: after it has listed the one of `a` and `b` that comes first, or the directory in it.
  enum Moment: CaseIterable { case afterDirectory, afterSubdirectory }

  /// Which of `a` and `b` the walk has come to first, and what is done once it has.
  private final class Strike {
    private let moment: Moment
    private let strike: (_ walked: String, _ other: String) -> Void
    private var walked: String?
    private var isDue = false
    private(set) var isDone = false

    init(_ moment: Moment, _ strike: @escaping (String, String) -> Void) {
      self.moment = moment
      self.strike = strike
    }

    var mischief: RescannedTree.Mischief {
      RescannedTree.Mischief(
        listed: { [self] _ in
          guard isDue, !isDone, let walked else { return }
          isDone = true
          strike(walked, walked == "a" ? "b" : "a")
        },
        failing: { [self] name in
          let name = String(decoding: name, as: UTF8.self)
          let isInside = name.hasPrefix("inside")
          if walked == nil, !isInside { walked = String(name.prefix(1)) }
          if moment == .afterDirectory || isInside { isDue = true }
          return nil
        })
    }
  }

  /// Two directories of five files, and in each a directory of two: fourteen files.
  private func makeTree(isFirst: Bool) throws -> RescannedTree {
    let rescanned = try RescannedTree { tree in
      for name in ["a", "b"] {
        try tree.directory(name)
        try tree.directory("\(name)/d\(name)")
        for index in 0..<5 { try tree.file("\(name)/\(name)-\(index)", bytes: index) }
        for index in 0..<2 { try tree.file("\(name)/d\(name)/inside-\(name)-\(index)", bytes: 10) }
      }
    }
    rescanned.listsAgain = true
    if !isFirst { #expect(try rescanned.scan() == Counters(added: 14)) }
    return rescanned
  }

  private func bytes(_ rescanned: RescannedTree) throws -> [String] {
    try rescanned.database.query("SELECT bytes_seen FROM scans ORDER BY id DESC LIMIT 1")
  }

  private func rounds(_ rescanned: RescannedTree) throws -> [String] {
    try rescanned.database.query("SELECT rewalks FROM scans ORDER BY id DESC LIMIT 1")
  }

  @Test(arguments: Way.allCases, [false, true])
  func `a file that is renamed is there once, and counted once`(way: Way, isFirst: Bool) throws {
    let rescanned = try makeTree(isFirst: isFirst)
    let strike = Strike(.afterDirectory) { walked, other in
      let (from, to) = way == .intoWalked ? (other, walked) : (walked, other)
      #expect(rename(rescanned.tree.path("\(from)/\(from)-0"), rescanned.tree.path("\(to)/\(from)-0")) == 0)
    }
    let counters = try rescanned.scan(strike.mischief)
    #expect(strike.isDone)
    #expect(counters == (isFirst ? Counters(added: 14) : Counters(moved: 1, unchanged: 13)))
    #expect(try rescanned.differences() == [])
    #expect(try bytes(rescanned) == ["60"])
    #expect(try rounds(rescanned) == ["1"])
    #expect(try rescanned.scan() == Counters(unchanged: 14))
    #expect(try rounds(rescanned) == ["0"])
  }

  @Test(arguments: Way.allCases, Moment.allCases)
  func `a directory that is renamed is there once, with all below it`(way: Way, moment: Moment) throws {
    for isFirst in [false, true] {
      let rescanned = try makeTree(isFirst: isFirst)
      let strike = Strike(moment) { walked, other in
        let (from, to) = way == .intoWalked ? (other, walked) : (walked, other)
        #expect(rename(rescanned.tree.path("\(from)/d\(from)"), rescanned.tree.path("\(to)/d\(from)")) == 0)
      }
      let counters = try rescanned.scan(strike.mischief)
      #expect(strike.isDone)
      #expect(counters.status == "completed")
      #expect(try rescanned.differences() == [], "first: \(isFirst)")
      // What was listed at both places has moved, too.
      if isFirst {
        #expect(counters.added - counters.removed == 14)
      } else {
        #expect(counters.unchanged == 14)
        #expect(counters.added == 0 && counters.removed == 0)
      }
      #expect(try rescanned.database.query("SELECT 1 FROM staged_removals") == [])
      #expect(try rescanned.scan() == Counters(unchanged: 14))
    }
  }

  /// The walk meets another directory than it has found, which is an error that the next scan resolves.
  @Test func `two directories that change places while the scan runs are what they are to the next one`() throws {
    for moment in Moment.allCases {
      let rescanned = try makeTree(isFirst: false)
      let strike = Strike(moment) { _, _ in
        let (a, b, aside) = (rescanned.tree.path("a"), rescanned.tree.path("b"), rescanned.tree.path("aside"))
        #expect(rename(a, aside) == 0 && rename(b, a) == 0 && rename(aside, b) == 0)
      }
      try rescanned.scan(strike.mischief)
      #expect(strike.isDone)
      #expect(try rescanned.scan().status == "completed")
      #expect(try rescanned.differences() == [])
      #expect(try rescanned.scan() == Counters(unchanged: 14))
    }
  }

  @Test func `a file that was missing and is there again is unchanged, and not removed`() throws {
    let rescanned = try makeTree(isFirst: false)
    for name in ["a", "b"] {
      #expect(rename(rescanned.tree.path("\(name)/\(name)-1"), rescanned.tree.outside("\(name)-1")) == 0)
    }
    var first = rescanned.tree.root
    let strike = Strike(.afterDirectory) { walked, _ in first = walked }
    var mischief = strike.mischief
    // Staged by then.
    mischief.walked = {
      for name in ["a", "b"] {
        #expect(rename(rescanned.tree.outside("\(name)-1"), rescanned.tree.path("\(name)/\(name)-2")) == 0)
      }
    }
    let counters = try rescanned.scan(mischief)
    #expect(first.count == 1)
    // It has taken the place of a file that was counted.
    #expect(counters == Counters(moved: 2, unchanged: 10, removed: 2))
    #expect(try rescanned.differences() == [])
  }

  @Test func `a directory that was away when the walk came to it, and is back, is counted like any other`() throws {
    let rescanned = try makeTree(isFirst: false)
    let (path, away, root) = (rescanned.tree.path("a"), rescanned.tree.outside("away"), try rescanned.directory(""))
    let counters = try rescanned.scan(
      RescannedTree.Mischief(
        listed: { if $0 == root { #expect(rename(path, away) == 0) } },
        walked: {
          #expect(rename(away, path) == 0)
          rescanned.remove("a/a-1", "a/da/inside-a-0")
        }))
    #expect(counters == Counters(unchanged: 12, removed: 2))
    #expect(try rescanned.differences() == [])
    #expect(try bytes(rescanned) == ["49"])
    #expect(try rescanned.scan() == Counters(unchanged: 12))
  }

  @Test func `a missing file whose staging was not yet decided on comes back as it was`() throws {
    let rescanned = try makeTree(isFirst: false)
    #expect(rename(rescanned.tree.path("a/a-1"), rescanned.tree.outside("a-1")) == 0)
    let first = try rescanned.walk()
    let queued = try rescanned.catalog.commit(first.claim, first.results)
    #expect(try rescanned.database.query("SELECT count(*) FROM staged_removals") == ["1"])
    #expect(rename(rescanned.tree.outside("a-1"), rescanned.tree.path("a/a-1")) == 0)
    // Its change time is another one.
    #expect(try rescanned.finish(queued) == Counters(updated: 1, unchanged: 13))
    #expect(try rescanned.differences() == [])
    #expect(try bytes(rescanned) == ["60"])
  }

  @Test func `what changes and comes after a directory's listing is counted as what it is`() throws {
    let rescanned = try makeTree(isFirst: false)
    // Without any change no stamps are compared.
    try rescanned.tree.file("inside-top")
    let strike = Strike(.afterDirectory) { walked, _ in
      let tree = rescanned.tree
      unlink(tree.path("\(walked)/\(walked)-1"))
      #expect(chmod(tree.path("\(walked)/\(walked)-2"), 0o600) == 0)
      #expect((try? tree.file("\(walked)/new", bytes: 100)) != nil)
      #expect((try? tree.directory("\(walked)/directory")) != nil)
      #expect((try? tree.file("\(walked)/directory/f", bytes: 1_000)) != nil)
    }
    #expect(
      try rescanned.scan(strike.mischief) == Counters(added: 3, updated: 1, unchanged: 12, removed: 1))
    #expect(try rescanned.differences() == [])
    #expect(try bytes(rescanned) == ["1159"])
    let seen = "SELECT directories_seen FROM scans ORDER BY id DESC LIMIT 1"
    #expect(try rescanned.database.query(seen) == ["6"])
  }

  @Test func `what the scan itself has changed is not counted twice, and what it added and lost never`() throws {
    let rescanned = try makeTree(isFirst: false)
    for name in ["a", "b"] {
      try rescanned.tree.file("\(name)/\(name)-new", bytes: 100)
      try rescanned.tree.file("\(name)/\(name)-passing", bytes: 1_000)
      #expect(chmod(rescanned.tree.path("\(name)/\(name)-2"), 0o600) == 0)
    }
    let strike = Strike(.afterDirectory) { walked, _ in
      #expect(chmod(rescanned.tree.path("\(walked)/\(walked)-2"), 0o640) == 0)
      #expect(chmod(rescanned.tree.path("\(walked)/\(walked)-new"), 0o600) == 0)
      unlink(rescanned.tree.path("\(walked)/\(walked)-passing"))
    }
    #expect(try rescanned.scan(strike.mischief) == Counters(added: 3, updated: 2, unchanged: 12))
    #expect(try rescanned.differences() == [])
    let changes = "SELECT change, count(*) FROM scan_changes WHERE scan_id = 2 GROUP BY 1"
    #expect(try rescanned.database.query(changes) == ["u\t2"])
    #expect(try rescanned.database.query("SELECT count(*) FROM files WHERE first_scan = 2") == ["3"])
    #expect(try bytes(rescanned) == ["1260"])
  }

  @Test func `what the rules have come to exclude is not listed again, whatever became of it`() throws {
    let rescanned = try makeTree(isFirst: false)
    try rescanned.tree.file("a/new")
    try rescanned.tree.file("a/da/new")
    try rescanned.set(LibraryRules(ignore: ["/a"]))
    #expect(try rescanned.scan() == Counters(unchanged: 7, removed: 7))
    #expect(try rounds(rescanned) == ["0"])
    #expect(try bytes(rescanned) == ["30"])
  }

  @Test func `a scan of a tree that never rests lists it again three times, and ends`() throws {
    let rescanned = try makeTree(isFirst: false)
    try rescanned.tree.file("a/new")
    let (here, there) = (rescanned.tree.path("a/a-0"), rescanned.tree.path("b/a-0"))
    let stop = StopSignal()
    // Were there no bound, this has an end, and the scan had had more rounds.
    let end = ContinuousClock.now + .seconds(30)
    let restless = try BlockingThread(name: "restless") {
      while !stop.isSet, .now < end {
        rename(here, there)
        rename(there, here)
      }
    }
    let counters = try rescanned.scan()
    stop.set()
    restless.join()
    #expect(counters.status == "completed")
    let rounds = try #require(Int(try self.rounds(rescanned)[0]))
    #expect((1...3).contains(rounds))
    #expect(try rescanned.scan().status == "completed")
    #expect(try rescanned.differences() == [])
  }

  @Test func `a scan that finds nothing new compares no stamps, and one that does lists nothing again`() throws {
    let rescanned = try makeTree(isFirst: false)
    #expect(try rescanned.scan() == Counters(unchanged: 14))
    #expect(try rescanned.database.query("SELECT count(*) FROM scans WHERE has_changes") == ["1"])
    try rescanned.tree.file("a/new")
    // What has only just changed may have changed once more in the same tick of the clock.
    try rescanned.rest()
    #expect(try rescanned.scan() == Counters(added: 1, unchanged: 14))
    #expect(try rescanned.database.query("SELECT 1 FROM scan_events WHERE event = 'rewalk'") == [])
    #expect(try rescanned.database.query("SELECT sum(rewalks) FROM scans") == ["0"])
  }
}
