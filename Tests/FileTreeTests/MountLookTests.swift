import CLinux
import Glibc
import TestSupport
import Testing

@testable import FileTree

/// How a host tells which file system lies at a directory.
@Suite struct MountLookTests {
  @Test func `a UUID is written as other programs write it, and none is none`() {
    var system = linux_filesystem()
    #expect(MountLook.uuid(system) == nil)
    system.uuid = (
      0x1b, 0x4e, 0x28, 0xba, 0x2f, 0xa1, 0x11, 0xd2, 0x88, 0x3f, 0x00, 0x16, 0xd3, 0xcc, 0xa4, 0x27
    )
    #expect(MountLook.uuid(system) == "1b4e28ba-2fa1-11d2-883f-0016d3cca427")
  }

  @Test func `where the kernel does not tell the UUID, the link that leads to the device does`() throws {
    let directory = try TemporaryDirectory()
    let device = try Self.device("/dev/null")
    #expect(MountLook.uuid(ofDevice: device, in: directory.path) == nil)
    for (name, target) in [("1234-5678", "/dev/zero"), ("ABCD-EF01", "/dev/null"), ("stale", "/dev/not there")] {
      try #require(symlink(target, directory.appending(name)) == 0)
    }
    #expect(MountLook.uuid(ofDevice: device, in: directory.path) == "abcd-ef01")
    #expect(MountLook.uuid(ofDevice: try Self.device("/dev/full"), in: directory.path) == nil)
    #expect(MountLook.uuid(ofDevice: device, in: directory.appending("none")) == nil)
    // What has no block device, as tmpfs.
    #expect(MountLook.uuid(ofDevice: 0x1f, in: directory.path) == nil)
  }

  private static func device(_ path: String) throws -> UInt64 {
    var status = stat()
    try #require(lstat(path, &status) == 0)
    return UInt64(status.st_rdev)
  }
}
