import Foundation
import Testing

@testable import rollcall

@Suite struct TableTests {
  @Test func `columns align, numbers to the right, and no line ends in spaces`() {
    var table = Table([.text("NAME"), .number("FILES"), .text("STATE")])
    table.append(["media", "1,234", "completed"])
    table.append(["x", "7", nil])
    #expect(
      table.lines == [
        "NAME   FILES  STATE",
        "media  1,234  completed",
        "x          7  -",
      ])
  }

  @Test func `wide and combining characters keep the columns aligned`() {
    var table = Table([.text("N"), .text("V")])
    table.append(["日本", "a"])
    table.append(["e\u{301}", "b"])
    #expect(table.lines == ["N     V", "日本  a", "e\u{301}     b"])
    #expect(displayWidth("👍") == 2)
    #expect(displayWidth("ｱ") == 1)
  }

  @Test func `a value cannot move the cursor, end the line or reorder it`() {
    var table = Table([.text("N")])
    table.append(["a\n\u{1b}[31m\u{85}\u{202e}\u{7f}\\"])
    #expect(table.lines[1] == "a\\x0a\\x1b[31m\\xc2\\x85\\xe2\\x80\\xae\\x7f\\")
  }

  @Test func `a row with too few cells says that the rest is unknown`() {
    var table = Table([.text("A"), .text("B")])
    table.append(["1"])
    #expect(table.lines[1] == "1  -")
    #expect(!table.isEmpty && Table([.text("A")]).isEmpty)
  }

  @Test func `colour is for terminals that want it`() {
    var terminal = Terminal(isOutputTerminal: true, isErrorTerminal: true, width: 80, allowsColor: true)
    #expect(terminal.colored("x", .red) == "\u{1b}[31mx\u{1b}[0m")
    terminal.allowsColor = false
    #expect(terminal.colored("x", .red) == "x")
    #expect(!Terminal.current(environment: ["NO_COLOR": "1"]).allowsColor)
    #expect(!Terminal.current(environment: ["TERM": "dumb"]).allowsColor)
    #expect(Terminal.current(environment: ["NO_COLOR": ""]).allowsColor)
  }
}
