import Glibc
import ScanModel

/// Tells, for one slice, whether what lies at the root and at mount points is what the catalogue has on record, and
/// whether it stayed the same from the slice's first read to its last.
///
/// What was found once must be found at every later look: a mount that went and another that came in its place
/// prove nothing, though both may be right by themselves. For one thread at a time.
public final class MountWatch {
  private struct Seen {
    let identity: MountIdentity
    /// From the root.
    let path: [UInt8]
    private let mayBeEmpty: Bool
    /// No id tells it from another one: most of what is catalogued there must stay there.
    private let holder: RecordedMount?

    init(_ look: MountLook, path: [UInt8], _ mount: RecordedMount?) {
      let record = mount?.own ?? mount?.others.first { $0.identity?.likeness(to: look.identity) == .same }
      let isAccepted = record?.isAccepted == true
      identity = look.identity
      self.path = path
      mayBeEmpty = mount?.hasRows != true || isAccepted && look.isEmpty
      holder = look.identity.isTelling || mount?.hasRows != true || isAccepted ? nil : mount
    }

    var changed: Changed { Changed(path: path, expected: identity) }

    func isStill(_ look: MountLook) -> Bool {
      look.identity == identity && (mayBeEmpty || !look.isEmpty) && holder?.holdsMost(look.has) != false
    }
  }

  /// A mount point that is not as it was when it was first looked at.
  struct Changed: Error {
    let path: [UInt8]
    /// What it was then.
    let expected: MountIdentity
  }

  public let recorded: RecordedMounts
  /// What was right, and is not on record so far.
  public private(set) var findings: [MountFinding] = []
  /// Recorded mount points at which nothing is mounted any more, and below which nothing is catalogued.
  public private(set) var released: [Int64] = []
  /// Mount points below the root that did not stay what they were, and what to say of each: nothing that is read there
  /// counts any more.
  public private(set) var fickle: [Int64: String]
  private var root: Seen?
  private var nested: [Int64: Seen] = [:]
  /// The recorded mount points with rows, by the directories that lead to them.
  private lazy var guarded = guardedNames()

  /// - Parameters:
  ///   - recorded: what is on record; nothing, where whatever is there is right.
  ///   - fickle: what another watch of the same slice has found.
  public init(_ recorded: RecordedMounts = RecordedMounts(), fickle: [Int64: String] = [:]) {
    self.recorded = recorded
    self.fickle = fickle
  }

  /// Whether rows depend on what is mounted at a directory.
  public func isGuarded(_ directory: Int64) -> Bool { recorded.nested[directory]?.hasRows == true }

  /// Whether any mount point below the root is on record.
  public var hasNested: Bool { !recorded.nested.isEmpty }

  /// Whether a directory is to be looked at before anything below it is read.
  func isWatched(_ directory: Int64) -> Bool {
    isGuarded(directory) || nested[directory] != nil || fickle[directory] != nil
  }

  /// Nothing is mounted at a directory. What may come to lie there is no mount's.
  func release(_ directory: Int64) {
    if recorded.nested[directory] != nil { released.append(directory) }
  }

  /// The guarded mount points that are at a name, or below it.
  func guardedMounts(at name: [UInt8], in directory: Int64) -> [Int64] {
    hasNested ? guarded[directory]?[name] ?? [] : []
  }

  /// Why the root is not the one that it should be; `nil` where it is.
  func refusal(ofRoot look: MountLook, path: String) -> String? {
    if let root {
      return root.identity == look.identity
        ? nil : recorded.message(.another(expected: root.identity, found: look.identity), at: "root \(path)")
    }
    let mount = recorded.root
    switch (mount ?? RecordedMount(directory: 0)).verdict(on: look) {
    case .recorded: break
    case .new(let record): if let mount { findings.append(MountFinding(directory: mount.directory, record: record)) }
    case .wrong(let fault): return recorded.message(fault, at: "root \(path)")
    }
    root = Seen(look, path: [], mount)
    return nil
  }

  /// Why nothing may be read at a mount point, or below; `nil` where it is as it should be.
  ///
  /// - Parameter path: from the root, through no link.
  func refusal(of directory: Int64, _ look: MountLook, path: [UInt8]) -> String? {
    if let reason = fickle[directory] { return reason }
    if let seen = nested[directory] {
      return seen.identity == look.identity
        ? nil : message(.another(expected: seen.identity, found: look.identity), path)
    }
    let mount = recorded.nested[directory] ?? RecordedMount(directory: directory)
    switch mount.verdict(on: look) {
    case .recorded: break
    case .new(let record): findings.append(MountFinding(directory: directory, record: record))
    case .wrong(let fault): return message(fault, path)
    }
    nested[directory] = Seen(look, path: path, mount)
    return nil
  }

  /// What to say of a recorded mount point whose name is no directory any more.
  func absence(of directory: Int64) -> String { message(.gone, recorded.path(of: directory)) }

  /// Looks again at all that was found to be right: the root, and what is mounted below it.
  func confirm(_ root: Int32) throws(Changed) {
    try confirm(self.root, root)
    for (directory, seen) in nested {
      do throws(Changed) {
        guard let place = try? Descriptor(lookingAt: seen.path, beneath: root) else { throw seen.changed }
        try confirm(seen, place.number)
      } catch {
        nested[directory] = nil
        findings.removeAll { $0.directory == directory }
        fickle[directory] = message(.changed(expected: seen.identity), seen.path)
        throw error
      }
    }
  }

  private func confirm(_ seen: Seen?, _ directory: Int32) throws(Changed) {
    guard let seen else { return }
    // What cannot be looked at any more may be anything.
    guard let look = try? MountLook(directory), seen.isStill(look) else { throw seen.changed }
  }

  private func message(_ fault: MountFault, _ path: [UInt8]) -> String {
    recorded.message(fault, at: "mount point \(String(decoding: path, as: UTF8.self))")
  }

  private func guardedNames() -> [Int64: [[UInt8]: [Int64]]] {
    var names: [Int64: [[UInt8]: [Int64]]] = [:]
    for mount in recorded.nested.keys where isGuarded(mount) {
      var next = mount
      var steps = 0
      while let place = recorded.places[next], steps < recorded.places.count {
        names[place.parent, default: [:]][place.name, default: []].append(mount)
        next = place.parent
        steps += 1
      }
    }
    return names
  }
}

extension RecordedMount {
  fileprivate func verdict(on look: MountLook) -> MountVerdict {
    verdict(on: look.identity, isEmpty: { look.isEmpty }, has: look.has)
  }
}
