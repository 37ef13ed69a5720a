import ScanModel
import Testing

@Suite struct GlobTests {
  /// A glob, what it ignores, and what it does not; a slash at the end of a place makes it a directory.
  static let cases: [(glob: String, ignored: [String], kept: [String])] = [
    // The statements and examples of gitignore(5), in its order.
    ("hello.*", ["hello.txt", "a/hello.java", "hello."], ["hello", "xhello.txt"]),
    ("/hello.*", ["hello.txt", "hello.c"], ["a/hello.java"]),
    ("foo/", ["foo/", "a/foo/", "foo/x", "a/foo/b/c"], ["foo", "a/foo", "food/"]),
    ("doc/frotz", ["doc/frotz", "doc/frotz/"], ["a/doc/frotz"]),
    ("/doc/frotz", ["doc/frotz", "doc/frotz/x"], ["a/doc/frotz", "doc/frotzen"]),
    ("doc/frotz/", ["doc/frotz/", "doc/frotz/x"], ["doc/frotz", "a/doc/frotz/"]),
    ("frotz/", ["frotz/", "a/frotz/"], ["frotz", "a/frotz"]),
    ("foo/*", ["foo/test.json", "foo/bar/", "foo/bar/hello.c"], ["foo/", "foo", "a/foo/b"]),
    ("**/foo", ["foo", "a/foo", "a/b/foo", "foo/x"], ["food", "a/food"]),
    ("**/foo/bar", ["foo/bar", "a/foo/bar", "a/b/foo/bar/c"], ["bar", "foo/x/bar", "foo/"]),
    ("abc/**", ["abc/x", "abc/x/y", "abc/x/"], ["abc/", "abc", "x/abc/y"]),
    ("a/**/b", ["a/b", "a/x/b", "a/x/y/b", "a/x/b/c"], ["a/", "b", "x/a/b", "ab", "a/bc"]),
    ("a**b", ["ab", "axxb", "x/ab"], ["a/b", "axxbc"]),
    ("\\!important!.txt", ["!important!.txt"], ["important!.txt"]),
    ("\\#note", ["#note"], ["\\#note"]),
    ("trailing  ", ["trailing"], ["trailing  "]),
    ("trailing\\ ", ["trailing "], ["trailing"]),
    ("trailing\\  ", ["trailing "], ["trailing  ", "trailing"]),
    // One argument, not a line of a file.
    ("#note", ["#note"], ["note"]),
    // Stars, question marks and brackets do not match a slash.
    ("*", ["x", ".x", "a/", "a/b"], []),
    ("?", ["x", "a/"], ["xy", "é"]),
    ("x?y", ["x.y", "a/x-y"], ["x/y", "xy"]),
    ("/x*y", ["xy", "xaby"], ["x/y", "a/xy"]),
    ("/*/y", ["a/y", "b/y/z"], ["y", "a/b/y"]),
    ("/x[^a]y", ["xby"], ["x/y", "xay"]),
    ("[a-c]x", ["ax", "bx", "q/cx"], ["dx", "x", "-x"]),
    ("[!a-c]x", ["dx", "-x"], ["ax", "bx"]),
    ("[]a]", ["]", "a"], ["b"]),
    ("[]-a]", ["]", "^", "a"], ["b", "-"]),
    ("[!]a]", ["b"], ["]", "a"]),
    ("[a-]", ["a", "-"], ["b"]),
    ("[-a]", ["a", "-"], ["b"]),
    ("[a\\]b]", ["a", "]", "b"], ["\\"]),
    ("[\\a-\\c]", ["a", "b", "c"], ["\\", "d"]),
    ("[z-a]", ["z"], ["a", "m"]),
    ("[[:digit:]]", ["7"], ["a", "["]),
    ("[[:upper:][:digit:]_]", ["Q", "7", "_"], ["q", ":"]),
    ("[![:alpha:]]", ["7"], ["a", "Q"]),
    ("[[:space:]]x", [" x", "\tx"], ["ax"]),
    ("[[:]", ["[", ":"], ["x"]),
    ("[[:a]", ["[", ":", "a"], ["x"]),
    ("\\*", ["*"], ["x", "\\*"]),
    ("\\[a]", ["[a]"], ["a"]),
    ("a\\b", ["ab"], ["a\\b"]),
    ("\\\\", ["\\"], ["x"]),
    // Levels.
    ("**", ["a", "a/b"], []),
    ("**/", ["a/", "a/b"], ["a"]),
    ("/**", ["a", "a/b"], []),
    ("a/**/", ["a/x/", "a/x/y"], ["a/x", "a/"]),
    ("**/a/**", ["a/x", "b/a/x", "b/a/x/y"], ["a", "a/", "b/a/"]),
    ("a/**/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/x"]),
    ("a/***/b", ["a/b", "a/x/b"], ["a/x"]),
    ("a/b\\/c", ["a/b/c"], ["b/c"]),
    ("a*/b", ["a/b", "axx/b"], ["a/x/b", "b"]),
    ("**a/b", ["a/b", "xa/b"], ["x/y/a/b"]),
    // Bytes as they are: neither case nor normalisation is folded.
    ("Caf\u{e9}", ["Caf\u{e9}"], ["Cafe\u{301}", "caf\u{e9}"]),
    ("-x", ["-x"], ["x"]),
    ("a\nb", ["a\nb"], ["a", "b"]),
  ]

  @Test(arguments: cases) func `a glob means what gitignore says`(
    _ item: (glob: String, ignored: [String], kept: [String])
  ) throws {
    for (places, expected) in [(item.ignored, true), (item.kept, false)] {
      for place in places {
        let isDirectory = place.hasSuffix("/")
        let path = isDirectory ? String(place.dropLast()) : place
        #expect(try ignores([item.glob], path, isDirectory: isDirectory) == expected, "\(item.glob) on \(place)")
      }
    }
  }

  @Test func `the last glob that matches decides, and below an ignored directory nothing is re-included`() throws {
    #expect(try ignores(["*.html"], "foo.html"))
    #expect(try !ignores(["*.html", "!foo.html"], "foo.html"))
    #expect(try ignores(["!foo.html", "*.html"], "foo.html"))
    #expect(try ignores(["*.html", "!foo.html", "foo*"], "foo.html"))
    #expect(try !ignores(["!foo.html"], "foo.html"))
    #expect(try !ignores(["!!x", "x"], "!x"))

    // The example of gitignore(5) that leaves foo/bar alone.
    let all = ["/*", "!/foo", "/foo/*", "!/foo/bar"]
    #expect(try !ignores(all, "foo", isDirectory: true))
    #expect(try !ignores(all, "foo/bar", isDirectory: true))
    #expect(try !ignores(all, "foo/bar/x"))
    #expect(try ignores(all, "foo/x") && ignores(all, "x"))

    #expect(try ignores(["foo/", "!foo/x", "!x"], "foo/x"))
    #expect(try ignores(["foo/", "!x"], "foo/a/b/x"))
  }
}
