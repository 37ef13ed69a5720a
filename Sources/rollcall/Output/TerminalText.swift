/// `text` with everything in it that could move the cursor, end the line or reorder what follows replaced
/// by a visible escape: control characters (C0, DEL, C1) and bidirectional controls. Backslashes stay.
func terminalSafe(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
  var safe = ""
  for scalar in text.unicodeScalars {
    if isUnsafe(scalar) { safe += escape(scalar) } else { safe.unicodeScalars.append(scalar) }
  }
  return safe
}

/// `text` as one word of a command line that is shown for pasting: quoted for a shell where it must be.
func shellWord(_ text: String) -> String {
  let safe = terminalSafe(text)
  let isPlain = !safe.isEmpty && safe.allSatisfy { $0.isLetter || $0.isNumber || "._-+:@,%/".contains($0) }
  return isPlain ? safe : "'\(safe.replacing("'", with: "'\\''"))'"
}

/// How many columns a terminal gives to `text`: 2 for wide characters of East Asia and emoji, none for
/// combining marks. An estimate, good enough to align.
func displayWidth(_ text: String) -> Int {
  text.unicodeScalars.reduce(0) { $0 + displayWidth($1) }
}

/// `text` with spaces after it up to a width in columns.
func padded(_ text: String, to width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - displayWidth(text)))
}

/// As much of `text`, which is safe for terminals, as fits into a width in columns; what was cut off is `…`.
func shortened(_ text: String, to width: Int) -> String {
  guard displayWidth(text) > width else { return text }
  var short = ""
  var room = width - 1
  for scalar in text.unicodeScalars {
    room -= displayWidth(scalar)
    if room < 0 { break }
    short.unicodeScalars.append(scalar)
  }
  return short + "…"
}

func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0..<0x20, 0x7f..<0xa0, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069, 0x61c: true
  default: false
  }
}

/// The UTF-8 bytes as `\xHH`.
private func escape(_ scalar: Unicode.Scalar) -> String {
  UTF8.encode(scalar)?.map(hexEscape).joined() ?? ""
}

/// `\xHH` in lower case.
func hexEscape(_ byte: UInt8) -> String {
  let hex = String(byte, radix: 16)
  return hex.count == 1 ? "\\x0\(hex)" : "\\x\(hex)"
}

func displayWidth(_ scalar: Unicode.Scalar) -> Int {
  if scalar.value < 0x300 { return 1 }
  switch scalar.properties.generalCategory {
  case .nonspacingMark, .enclosingMark, .format: return 0
  default: return isWide(scalar.value) || scalar.properties.isEmojiPresentation ? 2 : 1
  }
}

/// The blocks that are wide throughout in Unicode's EastAsianWidth.txt.
private func isWide(_ value: UInt32) -> Bool {
  switch value {
  case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x4dbf, 0x4e00...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3,
    0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x20000...0x3fffd:
    true
  default: false
  }
}
