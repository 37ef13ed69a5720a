import Foundation

/// A user that servers run as.
struct Account: Sendable, Equatable {
  let name: String
  let uid: uid_t
  let gid: gid_t

  static var current: Account { Account(name: NSUserName(), uid: geteuid(), gid: getegid()) }

  /// The one that Postgres runs as: whoever we are, but for root, whom it refuses.
  static func postgres() throws(LocalServersError) -> Account {
    guard geteuid() == 0 else { return .current }
    guard let entry = getpwnam("postgres") else {
      throw LocalServersError(
        description: "there is no user postgres, and PostgreSQL refuses to run as root: apt-get install postgresql")
    }
    return Account(name: "postgres", uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid)
  }

  /// What goes before a command so that it runs as this user, in a directory where every user may be.
  func prefix(_ programs: ServerPrograms) -> [String] {
    guard uid != geteuid() else { return [] }
    return [programs.setpriv, "--reuid=\(uid)", "--regid=\(gid)", "--init-groups", "/usr/bin/env", "--chdir=/"]
  }
}
