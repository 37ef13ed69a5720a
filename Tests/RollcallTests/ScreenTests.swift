import Testing

@testable import rollcall

@Suite struct ScreenTests {
  @Test func `a frame begins at home, erases the rest of every line, and then all below`() {
    #expect(Screen.frame(["a", "b"], width: 80, height: 24) == "\u{1b}[Ha\u{1b}[K\r\nb\u{1b}[K\u{1b}[J")
    #expect(Screen.frame([], width: 80, height: 24) == "\u{1b}[H\u{1b}[J")
  }

  @Test func `no line is wider than the terminal, and no frame higher`() {
    #expect(Screen.cut("hello", to: 5) == "hello")
    #expect(Screen.cut("hello", to: 3) == "hel")
    #expect(Screen.cut("日本語", to: 5) == "日本")
    #expect(Screen.cut("hello", to: 0) == "")
    let frame = Screen.frame((0..<10).map(String.init), width: 80, height: 4)
    #expect(frame == "\u{1b}[H0\u{1b}[K\r\n1\u{1b}[K\r\n2\u{1b}[K\r\n… and 7 more lines\u{1b}[K\u{1b}[J")
    #expect(!Screen.frame(["a", "b"], width: 1, height: 1).contains("\n"))
  }

  @Test func `a colour takes no room, and does not outlive its line`() {
    #expect(Screen.cut("\u{1b}[31mred\u{1b}[0m!", to: 4) == "\u{1b}[31mred\u{1b}[0m!\u{1b}[0m")
    #expect(Screen.cut("\u{1b}[31mred\u{1b}[0m!", to: 2) == "\u{1b}[31mre\u{1b}[0m")
  }

  @Test func `text is shortened by columns`() {
    #expect(shortened("hello", to: 5) == "hello")
    #expect(shortened("hello", to: 4) == "hel…")
    #expect(shortened("日本語", to: 4) == "日…")
    #expect(padded("日", to: 4) == "日  ")
    #expect(padded("hello", to: 4) == "hello")
  }
}
