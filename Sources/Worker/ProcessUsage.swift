import Glibc

/// What this process uses of its machine.
struct ProcessUsage {
  /// Resident memory in bytes, from `/proc/self/statm` (proc(5)); 0 where that cannot be read.
  let rssBytes: Int64
  /// User and system time since the start, in seconds (getrusage(2)).
  let cpuSeconds: Double

  static func now() -> ProcessUsage {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime)
    return ProcessUsage(rssBytes: residentPages() * Int64(sysconf(Int32(_SC_PAGESIZE))), cpuSeconds: cpu)
  }

  private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

  private static func residentPages() -> Int64 {
    guard let file = fopen("/proc/self/statm", "re") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
    let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
      separator: " ")
    return words.count > 1 ? Int64(words[1]) ?? 0 : 0
  }
}
