import ScanModel
import TestSupport
import Testing

@testable import Worker

@Suite("Directories that were found and not sent yet")
struct FoundDirectoriesTests {
  private struct Broken: Error {}

  private func add(_ id: Int64, _ name: [UInt8], to found: inout FoundDirectories) {
    name.withUnsafeBytes { found.add(id: id, parent: id - 1, name: $0, .directory, isBoundary: id % 2 == 0) }
  }

  private func taken(_ id: Int64, from found: inout FoundDirectories) -> [UInt8]? {
    var name: [UInt8]?
    let isThere = found.take(id) { (directory, bytes) throws(Never) in
      #expect(directory.parent == id - 1 && directory.isBoundary == (id % 2 == 0) && directory.attributes == .directory)
      name = Array(bytes)
    }
    #expect(isThere == (name != nil))
    return name
  }

  @Test("each is given back once, with its name's exact bytes")
  func onceEach() {
    var found = FoundDirectories()
    let names: [[UInt8]] = [[0xff, 0x0a], Array("film".utf8), [], Array(repeating: 0x61, count: 255)]
    for (index, name) in names.enumerated() { add(Int64(index + 1), name, to: &found) }
    for index in [2, 0, 3, 1] { #expect(taken(Int64(index + 1), from: &found) == names[index]) }
    #expect(taken(1, from: &found) == nil)
  }

  @Test("one that went is not given back")
  func removed() {
    var found = FoundDirectories()
    add(1, [1], to: &found)
    #expect(found.remove(1) && !found.remove(1))
    #expect(taken(1, from: &found) == nil)
  }

  @Test("what is left is given in the order of the ids, once")
  func rest() {
    var found = FoundDirectories()
    for id in [5, 3, 9, 1] as [Int64] { add(id, [UInt8(id)], to: &found) }
    _ = taken(3, from: &found)
    var rest: [Int64] = []
    for id in found.ids {
      #expect(found.named(id)?.name == [UInt8(id)])
      #expect(taken(id, from: &found) == [UInt8(id)])
      rest.append(id)
    }
    #expect(rest == [1, 5, 9])
    #expect(found.ids == [] && found.named(5) == nil)
  }

  @Test("an error of whoever takes is passed on")
  func failure() {
    var found = FoundDirectories()
    add(1, [1], to: &found)
    #expect(throws: Broken.self) { _ = try found.take(1) { (_, _) throws(Broken) in throw Broken() } }
  }

  @Test("agrees with a dictionary through any history", arguments: 0..<50)
  func history(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var found = FoundDirectories()
    var model: [Int64: [UInt8]] = [:]
    for id in 1...200 as ClosedRange<Int64> {
      let name = (0..<Int.random(in: 0...9, using: &random)).map { _ in UInt8.random(in: 1...255, using: &random) }
      add(id, name, to: &found)
      model[id] = name
      for _ in 0..<Int.random(in: 0...2, using: &random) {
        let other = Int64.random(in: 1...id, using: &random)
        if Bool.random(using: &random) {
          #expect(taken(other, from: &found) == model.removeValue(forKey: other))
        } else {
          #expect(found.remove(other) == (model.removeValue(forKey: other) != nil))
        }
      }
    }
  }
}
