import ScanModel
import Testing

@Suite struct RecordedMountTests {
  private static let ext4 = MountIdentity(type: "ext4", uuid: "u", fsid: 7, inode: 2)
  private static let nameless = MountIdentity(type: "nfs", uuid: nil, fsid: nil, inode: 2)

  private static func verdict(
    _ mount: RecordedMount, on found: MountIdentity = ext4, isEmpty: Bool = false, has: Set<String> = []
  ) -> MountVerdict {
    mount.verdict(on: found, isEmpty: { isEmpty }) { has.contains(String(decoding: $0, as: UTF8.self)) }
  }

  private static func mount(own: MountIdentity, isAccepted: Bool = false) -> RecordedMount {
    RecordedMount(
      directory: 1, own: MountRecord(identity: own, isAccepted: isAccepted), hasRows: true, names: names)
  }

  private static let names = ["a", "b", "c"].map { Array($0.utf8) }

  private static func mount(others: [MountIdentity?], isAccepted: Bool = false) -> RecordedMount {
    RecordedMount(
      directory: 1, others: others.map { MountRecord(identity: $0, isAccepted: isAccepted) }, hasRows: true,
      names: names)
  }

  @Test func `where nothing is catalogued, whatever is there is right`() {
    let mount = RecordedMount(directory: 1)
    #expect(Self.verdict(mount, isEmpty: true) == .new(MountRecord(identity: Self.ext4)))
    let other = RecordedMount(directory: 1, own: MountRecord(identity: Self.nameless))
    #expect(Self.verdict(other) == .new(MountRecord(identity: Self.ext4)))
    #expect(Self.verdict(RecordedMount(directory: 1, own: MountRecord(identity: Self.ext4))) == .recorded)
  }

  @Test func `the file system on record is right, by its UUID before all else`() {
    let remounted = MountIdentity(type: "ext4", uuid: "u", fsid: 8, inode: 2)
    #expect(Self.verdict(Self.mount(own: Self.ext4), on: remounted) == .recorded)
    // One of them does not know its UUID.
    let older = MountIdentity(type: "ext4", uuid: nil, fsid: 7, inode: 2)
    #expect(Self.verdict(Self.mount(own: older)) == .recorded)
  }

  @Test(arguments: [
    MountIdentity(type: "ext4", uuid: "v", fsid: 7, inode: 2),
    MountIdentity(type: "ext4", uuid: "u", fsid: 7, inode: 3),
    MountIdentity(type: "ext4", uuid: nil, fsid: 8, inode: 2), MountIdentity(type: "nfs", uuid: nil, fsid: 7, inode: 2),
    MountIdentity(type: "tmpfs", uuid: nil, fsid: nil, inode: 2),
    MountIdentity(type: "ext4", uuid: nil, fsid: nil, inode: 2),
  ])
  func `another file system, or another directory of it, is wrong`(found: MountIdentity) {
    #expect(
      Self.verdict(Self.mount(own: Self.ext4), on: found) == .wrong(.another(expected: Self.ext4, found: found)))
  }

  @Test func `subvolumes of one file system are told apart`() {
    func subvolume(_ fsid: UInt64?) -> MountIdentity { MountIdentity(type: "btrfs", uuid: "u", fsid: fsid, inode: 256) }
    let mount = Self.mount(own: subvolume(1))
    #expect(Self.verdict(mount, on: subvolume(1)) == .recorded)
    #expect(Self.verdict(mount, on: subvolume(2)) == .wrong(.another(expected: subvolume(1), found: subvolume(2))))
    #expect(Self.verdict(mount, on: subvolume(nil)) == .recorded)
    #expect(
      Self.verdict(Self.mount(others: [subvolume(1)]), on: subvolume(2), has: ["a", "b", "c"])
        == .wrong(.another(expected: subvolume(1), found: subvolume(2))))
  }

  @Test func `an empty one is wrong until it is accepted, and on record when it is not empty any more`() {
    #expect(Self.verdict(Self.mount(own: Self.ext4), isEmpty: true) == .wrong(.empty(found: Self.ext4)))
    let accepted = Self.mount(own: Self.ext4, isAccepted: true)
    #expect(Self.verdict(accepted, isEmpty: true) == .recorded)
    #expect(Self.verdict(accepted) == .new(MountRecord(identity: Self.ext4)))
  }

  @Test func `a host without a record must find what another host has found`() {
    #expect(Self.verdict(Self.mount(others: [Self.nameless, Self.ext4])) == .new(MountRecord(identity: Self.ext4)))
    let other = MountIdentity(type: "xfs", uuid: "v", fsid: 1, inode: 2)
    #expect(
      Self.verdict(Self.mount(others: [other]), has: ["a", "b", "c"])
        == .wrong(.another(expected: other, found: Self.ext4)))
    let empty = Self.mount(others: [Self.ext4], isAccepted: true)
    #expect(Self.verdict(empty, isEmpty: true) == .new(MountRecord(identity: Self.ext4, isAccepted: true)))
  }

  @Test(arguments: [[ext4], [nil], [], [MountIdentity(type: "xfs", uuid: nil, fsid: 1, inode: 2)]])
  func `where ids tell nothing, most of what is catalogued there must be there`(others: [MountIdentity?]) {
    let mount = Self.mount(others: others)
    #expect(Self.verdict(mount, on: Self.nameless, has: ["a", "c"]) == .new(MountRecord(identity: Self.nameless)))
    #expect(
      Self.verdict(mount, on: Self.nameless, has: ["b"])
        == .wrong(.unlike(expected: others.first ?? nil, found: Self.nameless)))
  }

  @Test func `what no id tells from another one holds most of what is catalogued there, or is accepted without`() {
    let mount = Self.mount(own: Self.nameless)
    #expect(Self.verdict(mount, on: Self.nameless, has: ["a", "c", "x"]) == .recorded)
    for has: Set<String> in [["b"], ["x"]] {
      #expect(
        Self.verdict(mount, on: Self.nameless, has: has)
          == .wrong(.unlike(expected: Self.nameless, found: Self.nameless)))
    }
    let accepted = Self.mount(own: Self.nameless, isAccepted: true)
    #expect(Self.verdict(accepted, on: Self.nameless, has: ["b"]) == .recorded)
    #expect(Self.verdict(accepted, on: Self.nameless, isEmpty: true) == .recorded)
    // With leave no longer than it has need of it.
    #expect(
      Self.verdict(accepted, on: Self.nameless, has: ["a", "b"]) == .new(MountRecord(identity: Self.nameless)))
  }

  @Test func `of many names some stand for all`() {
    let names = (0..<1_000).map { Array("\($0)".utf8) }
    let mount = RecordedMount(directory: 1, names: names)
    var looks = 0
    let holds = { (share: Int) in
      mount.holdsMost { name in
        looks += 1
        return Int(String(decoding: name, as: UTF8.self))! % 100 < share
      }
    }
    #expect(holds(60) && !holds(40))
    #expect(looks == 200)
  }

  @Test func `a message names host, place, both file systems and the way out`() {
    let mounts = RecordedMounts(library: "it's", host: "nas")
    #expect(
      mounts.message(.another(expected: Self.ext4, found: Self.nameless), at: "root /srv")
        == "root /srv on host nas is another file system: expected ext4 u (inode 2), there is nfs without an id "
        + "(inode 2); nothing of it is taken for removed: mount what belongs there and scan again or, if this is right, "
        + #"run `rollcall library set 'it'\''s' --accept-root` on that host"#)
    #expect(
      mounts.message(.changed(expected: Self.nameless), at: "mount point m").hasPrefix(
        "mount point m on host nas was unmounted, emptied or replaced while it was read: expected nfs without an id "))
  }
}
