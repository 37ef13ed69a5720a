import Testing

@testable import rollcall

@Suite struct ConfigurationFormTests {
  @Test(arguments: [
    ("10 s", Duration.seconds(10)), ("10s", .seconds(10)), ("500 ms", .milliseconds(500)), ("5 m", .seconds(300)),
    ("1 h", .seconds(3600)), ("30 d", .seconds(30 * 86_400)), ("3650d", .seconds(3650 * 86_400)),
  ])
  func `a duration is a whole number and its unit`(text: String, duration: Duration) {
    #expect(Form.duration.parse(text) == duration)
  }

  @Test(arguments: [
    "", "10", "s", "0 s", "-1 s", "1.5 s", "10 S", "10 sec", "10 s 5 ms", "3651 d", "99999999999999999999 s",
    "9223372036854775807 d", "+5 s", "１０ s",
  ])
  func `what has no unit, no number or no sense is no duration`(text: String) {
    #expect(Form.duration.parse(text) == nil)
  }

  @Test(arguments: [("1000 ms", "1 s"), ("90 s", "90 s"), ("1 m", "60 s"), ("24 h", "1 d"), ("1500ms", "1500 ms")])
  func `a duration is shown in the largest unit that divides it`(text: String, shown: String) throws {
    let duration = try #require(Form.duration.parse(text))
    #expect(Form.duration.format(duration) == shown)
    #expect(Form.duration.parse(shown) == duration)
  }

  @Test func `a share needs its sign and lies between 0 and 100`() {
    #expect(Form.percent.parse("10 %") == 10)
    #expect(Form.percent.parse("2.5%") == 2.5)
    for text in ["10", "%", "101 %", "-1 %", "nan %", "inf %"] { #expect(Form.percent.parse(text) == nil) }
    #expect(Form.percent.format(10) == "10 %")
    #expect(Form.percent.format(2.5) == "2.5 %")
  }

  @Test func `a switch is true or false in the usual spellings`() {
    for text in ["true", "True", "yes", "on", "1"] { #expect(Form.boolean.parse(text) == true) }
    for text in ["false", "no", "OFF", "0"] { #expect(Form.boolean.parse(text) == false) }
    for text in ["", "2", "tru"] { #expect(Form.boolean.parse(text) == nil) }
  }

  @Test func `a name that goes into a key holds neither braces nor slashes`() {
    for text in ["rollcall", "host-1.example", "Köln", "a@b+c:d_e"] { #expect(Form.word.parse(text) == text) }
    for text in ["", "a b", "a{b}", "a/b", "a,b", "a\n", String(repeating: "x", count: 129)] {
      #expect(Form.word.parse(text) == nil)
    }
  }

  @Test(arguments: [
    ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
    ("redis://:secret@h", "redis://:***@h"),
    ("redis://u:se@cr/et@h:1/0", "redis://u:***@h:1/0"),
    ("postgresql:///rollcall?host=/run", "postgresql:///rollcall?host=/run"),
    ("postgresql://u@h/db?password=secret&user=x", "postgresql://u@h/db?password=***&user=x"),
    ("host=h password=secret", "host=h password=***"),
    ("host=h PASSWORD = 'se\\'cret' user=u", "host=h PASSWORD = *** user=u"),
    ("password=se\\ cret user=u", "password=*** user=u"),
    ("password='secret and no end", "password=***"),
    ("sslpassword=secret", "sslpassword=***"),
    ("unix:///run/redis.sock", "unix:///run/redis.sock"),
  ])
  func `passwords are masked wherever they may stand`(text: String, masked: String) {
    #expect(maskingPasswords(text) == masked)
  }

  @Test func `slips are counted as one each`() {
    #expect(editDistance("", "abc") == 3)
    #expect(editDistance("slots", "slots") == 0)
    #expect(editDistance("slost", "slots") == 1)
    #expect(editDistance("queue", "queues") == 1)
    #expect(editDistance("kitten", "sitting") == 3)
    #expect(nearest(to: "lock_tt", among: Setting.all.map(\.key)).name == "lock_ttl")
  }
}
