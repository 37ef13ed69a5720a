import RedisClient
import Testing

@Suite("A Redis URL")
struct RedisEndpointTests {
  typealias Case = (url: String, address: RedisEndpoint.Address, user: String?, password: String?, database: Int)

  static let readable: [Case] = [
    ("redis://127.0.0.1:6379/0", .tcp(host: "127.0.0.1", port: 6379), nil, nil, 0),
    ("redis://host", .tcp(host: "host", port: 6379), nil, nil, 0),
    ("REDIS://host/", .tcp(host: "host", port: 6379), nil, nil, 0),
    ("redis://host:1/15", .tcp(host: "host", port: 1), nil, nil, 15),
    ("redis://host:65535", .tcp(host: "host", port: 65535), nil, nil, 0),
    ("redis://:secret@host", .tcp(host: "host", port: 6379), nil, "secret", 0),
    ("redis://anna:secret@host:7000/3", .tcp(host: "host", port: 7000), "anna", "secret", 3),
    ("redis://a%40b:p%2Fw%25%3A@host", .tcp(host: "host", port: 6379), "a@b", "p/w%:", 0),
    ("redis://anna:p@ss:word@host", .tcp(host: "host", port: 6379), "anna", "p@ss:word", 0),
    ("redis://[::1]", .tcp(host: "::1", port: 6379), nil, nil, 0),
    ("redis://anna:pw@[fe80::1]:7000/2", .tcp(host: "fe80::1", port: 7000), "anna", "pw", 2),
    ("unix:///run/redis.sock", .unix(path: "/run/redis.sock"), nil, nil, 0),
    ("unix:///run/my%20redis.sock?db=7", .unix(path: "/run/my redis.sock"), nil, nil, 7),
    ("unix://anna:pw@/run/redis.sock?db=1", .unix(path: "/run/redis.sock"), "anna", "pw", 1),
    ("unix://:pw@/run/a@b.sock", .unix(path: "/run/a@b.sock"), nil, "pw", 0),
  ]

  @Test("is read in all its forms", arguments: readable)
  func reads(_ expected: Case) throws {
    let endpoint = try RedisEndpoint(url: expected.url)
    #expect(
      endpoint
        == RedisEndpoint(
          address: expected.address, user: expected.user, password: expected.password, database: expected.database))
  }

  @Test(
    "that is none is refused with a reason in one line",
    arguments: [
      "", "redis", "127.0.0.1:6379", "http://host", "redis:/host", "redis://", "redis://:6379", "redis://:pw@",
      "redis://host:0", "redis://host:65536", "redis://host:", "redis://host:x", "redis://host/x", "redis://host/-1",
      "redis://host/0/1", "redis://host/99999999999", "redis://::1", "redis://[::1", "redis://[::1]x", "redis://[]",
      "redis://anna@host", "redis://anna:@host", "redis://anna:50%@host", "redis://host?db=1", "redis://host#1",
      "redis://ho%00st", "unix://", "unix://run/redis.sock", "unix:///run/redis.sock?x=1",
      "unix:///run/redis.sock?db=x", "unix:///run/%zz.sock",
      "unix:///" + String(repeating: "x", count: 107),
    ])
  func refuses(_ url: String) throws {
    let error = try #require(throws: RedisError.self) { try RedisEndpoint(url: url) }
    guard case .badURL(let reason) = error else {
      Issue.record("\(url): \(error)")
      return
    }
    #expect(!reason.isEmpty && !error.description.contains("\n") && !error.isOutage)
  }

  @Test("of the longest socket path is read")
  func longestSocketPath() throws {
    let path = "/" + String(repeating: "x", count: 106)
    #expect(try RedisEndpoint(url: "unix://\(path)").address == .unix(path: path))
  }

  @Test("with TLS is told what to do instead")
  func tls() throws {
    let error = try #require(throws: RedisError.self) { try RedisEndpoint(url: "rediss://host") }
    #expect(error.description.contains("TLS"))
  }

  @Test("never shows its password", arguments: ["redis://anna:hush@host:1/2", "unix://:hush@/run/redis.sock"])
  func hidesPassword(_ url: String) throws {
    let endpoint = try RedisEndpoint(url: url)
    var dumped = ""
    dump(endpoint, to: &dumped)
    for shown in ["\(endpoint)", String(reflecting: endpoint), dumped, "\(Optional(endpoint) as Any)"] {
      #expect(!shown.contains("hush"))
    }
    let refused = #expect(throws: RedisError.self) { try RedisEndpoint(url: url + "?hush") }
    #expect(refused?.description.contains("hush") == false)
  }

  @Test("is described so that it can be read again", arguments: readable.filter { $0.password == nil })
  func describes(_ given: Case) throws {
    let endpoint = try RedisEndpoint(url: given.url)
    let again = endpoint.description.replacing(" ", with: "%20")
    #expect(try RedisEndpoint(url: again) == endpoint)
  }
}
