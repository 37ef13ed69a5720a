import ScanModel
import Testing

@Suite struct GlobRefusalTests {
  static let wrong: [(glob: String, position: Int?, words: String)] = [
    ("", nil, "names nothing"), ("   ", nil, "names nothing"), ("/", nil, "names nothing"), ("!", nil, "names nothing"),
    ("!/", nil, "names nothing"),
    ("a//b", 3, "nothing between two slashes"), ("//a", 2, "nothing between"), ("a//", 3, "nothing between"),
    ("./a", 1, "no path holds ."), ("é/../b", 3, "no path holds ."), ("a/.", 3, "no path holds ."),
    ("a[b", 2, "not closed"), ("éé[]", 3, "not closed"), ("[!", 1, "not closed"), ("a[\\]", 2, "not closed"),
    ("[a-", 1, "not closed"), ("[[:alpha:]", 1, "not closed"), ("[[:alpha", 1, "not closed"),
    ("x[[:foo:]]", 5, "no class of this name"), ("[[:Alpha:]]", 4, "there are alnum, alpha"),
    ("ab\\", 3, "nothing after it"), ("dir\\/", 4, "nothing after it"), ("a\0b", 2, "NUL"),
  ]

  @Test(arguments: wrong) func `a glob that cannot match is refused, showing where it is wrong`(
    _ item: (glob: String, position: Int?, words: String)
  ) throws {
    let error = try #require(problem(with: item.glob), "\(item.glob)")
    #expect(error.position == item.position, "\(error)")
    #expect(error.text == item.glob && error.problem.contains(item.words), "\(error)")
  }

  @Test func `a refusal is one sentence with the text, the place and the reason`() {
    #expect(
      problem(with: "*.jpg", "tmp[0-9")?.description
        == "ignore glob \"tmp[0-9\" is wrong at character 4: the bracket is not closed; write \\[ for one in a name")
    #expect(
      problem(with: " ")?.description
        == "ignore glob \" \" cannot be used: it names nothing; to ignore everything write *")
  }

  @Test func `a refusal shows of a long glob what is wrong with it`() throws {
    let error = try #require(
      problem(with: String(repeating: "x", count: 500) + "[" + String(repeating: "y", count: 99)))
    #expect(error.position == 501)
    #expect(error.description.count < 250 && error.description.contains("…xxx") && error.description.contains("x[y"))
  }

  @Test func `globs are limited in number, length, levels and together, and the refusal says to what`() {
    #expect(problem(with: String(repeating: "x", count: 1024)) == nil)
    #expect(problem(with: String(repeating: "x", count: 1025))?.problem == "it has 1025 bytes, more than 1024")
    #expect(problem(with: Array(repeating: "a", count: 64).joined(separator: "/")) == nil)
    let deep = problem(with: Array(repeating: "a", count: 65).joined(separator: "/"))
    #expect(deep?.problem == "more than 64 levels" && deep?.position == 129)

    func refusal(_ globs: [String]) -> String? {
      do throws(RuleError) {
        _ = try EntryRules(LibraryRules(ignore: globs))
        return nil
      } catch { return error.problem }
    }
    #expect(refusal(Array(repeating: "x", count: 1000)) == nil)
    #expect(refusal(Array(repeating: "x", count: 1001)) == "it is one of 1001; a library has at most 1000")
    #expect(refusal(Array(repeating: String(repeating: "x", count: 1024), count: 64)) == nil)
    #expect(
      refusal(Array(repeating: String(repeating: "x", count: 1024), count: 64) + ["y"])
        == "with it all globs have more than 65536 bytes together")
  }

  @Test func `a hostile glob costs no more than its length times the name's`() throws {
    let name = String(repeating: "a", count: 255)
    let deep = Array(repeating: "a", count: 100).joined(separator: "/")
    let hostile = [
      String(repeating: "*a", count: 120) + "b", String(repeating: "*a", count: 120) + "b*",
      String(repeating: "a*", count: 120) + "b",
      String(repeating: "*?", count: 120) + "b", String(repeating: "*[ab]", count: 120) + "c",
      String(repeating: "**/", count: 63) + "b", String(repeating: "**/a/", count: 31) + "b",
      String(repeating: "**/*a*/", count: 31) + "b",
    ]
    let clock = ContinuousClock()
    for glob in hostile {
      let rules = try EntryRules(LibraryRules(ignore: [glob]))
      let took = clock.measure {
        for path in [name, deep] { #expect(!rules.isIgnored(path: Array(path.utf8), isDirectory: false), "\(glob)") }
      }
      // Backtracking without bound would not end at all.
      #expect(took < .seconds(20), "\(glob) took \(took)")
    }
  }
}
