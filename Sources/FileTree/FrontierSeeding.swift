extension DirectoryStack {
  /// The frontier names a directory without a valid path from the root.
  struct BrokenFrontier: Error {
    let directory: Int64
  }

  /// A stack whose top is the frontier's first visit.
  init(_ frontier: Frontier) throws(BrokenFrontier) {
    self.init()
    let known = Dictionary(frontier.directories.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let root = try Self.root(of: frontier)
    var places = [root.id: push(root, parent: Self.root, isPending: false)]
    for id in frontier.visits.reversed() {
      let place = try place(of: id, known: known, places: &places)
      markPending(place)
    }
  }

  private static func root(of frontier: Frontier) throws(BrokenFrontier) -> Frontier.Directory {
    let roots = frontier.directories.filter { $0.parent == nil }
    guard roots.count == 1 else {
      throw BrokenFrontier(directory: roots.last?.id ?? frontier.visits.first ?? 0)
    }
    return roots[0]
  }

  /// Where directory `id` is on the stack; it and its ancestors are pushed where they are missing.
  private mutating func place(
    of id: Int64, known: [Int64: Frontier.Directory], places: inout [Int64: Int]
  ) throws(BrokenFrontier) -> Int {
    var missing: [Frontier.Directory] = []
    var current = id
    while places[current] == nil {
      // More ancestors than directories: they form a ring.
      guard let directory = known[current], let parent = directory.parent, directory.hasValidName,
        missing.count < known.count
      else { throw BrokenFrontier(directory: current) }
      missing.append(directory)
      current = parent
    }
    var place = places[current] ?? Self.root
    while let directory = missing.popLast() {
      place = push(directory, parent: place, isPending: false)
      places[directory.id] = place
    }
    return place
  }

  private mutating func push(_ directory: Frontier.Directory, parent: Int, isPending: Bool) -> Int {
    directory.name.withUnsafeBytes {
      push(
        id: directory.id, parent: parent, name: $0, identity: directory.identity, isFollowed: directory.isFollowed,
        isPending: isPending)
    }
  }
}

extension Frontier.Directory {
  fileprivate var hasValidName: Bool { name.isValidComponent }
}

extension [UInt8] {
  /// Whether this can be a single component: nothing that a catalogue holds may lead out of the root. A name that
  /// begins with NUL leads nowhere: to the system it is empty, and not there (`ENOENT`).
  var isValidComponent: Bool {
    first == 0
      || !isEmpty && self != [UInt8(ascii: ".")] && self != [UInt8](repeating: UInt8(ascii: "."), count: 2)
        && !contains(UInt8(ascii: "/")) && !contains(0)
  }
}
