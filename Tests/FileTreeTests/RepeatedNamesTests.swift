import Testing

@testable import FileTree

@Suite struct RepeatedNamesTests {
  private func isRepeated(_ name: String, in names: RepeatedNames) -> Bool {
    name.withCString { names.isRepeated(EntryBuffer.Entry(name: $0, nameLength: name.utf8.count)) }
  }

  @Test func `a name is new once in a directory, and again in the next`() {
    let names = RepeatedNames()
    names.begin()
    #expect(!isRepeated("a", in: names))
    #expect(!isRepeated("ab", in: names))
    #expect(isRepeated("a", in: names))
    names.begin()
    #expect(!isRepeated("a", in: names))
  }
}
