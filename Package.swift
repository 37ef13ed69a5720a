// swift-tools-version: 6.2
import PackageDescription

// Every warning is an error. Modules that hold no C pointers are also checked for strict memory safety:
// raw pointers stay inside the clients, the walker and the rows that they exchange.
let settings: [SwiftSetting] = [.treatAllWarnings(as: .error)]
let pointerFree = settings + [.strictMemorySafety()]
// Places where tests can have a process die; release builds lack them.
let crashPoints: [SwiftSetting] = [.define("CRASH_POINTS", .when(configuration: .debug))]

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: "\(name)Tests", dependencies: dependencies + ["TestSupport"], swiftSettings: settings)
}

let package = Package(
  name: "rollcall",
  products: [.executable(name: "rollcall", targets: ["rollcall"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    // C: system libraries and shims, no logic
    .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
    .systemLibrary(name: "CLibPQ", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "CCrypto", providers: [.apt(["libssl-dev"])]),
    .target(name: "CLinux"),

    // Clients and pure parts; they know neither jobs nor the catalogue
    .target(name: "BlockingThread", dependencies: ["CLinux", log], swiftSettings: settings),
    .target(name: "CrashPoints", swiftSettings: settings + crashPoints),
    .target(name: "ScanModel", swiftSettings: pointerFree),
    .target(name: "RedisClient", dependencies: ["CHiredis"], swiftSettings: settings),
    .target(name: "PostgresClient", dependencies: ["CLibPQ", "CrashPoints", log], swiftSettings: settings),
    .target(
      name: "FileTree", dependencies: ["CLinux", "CrashPoints", "ScanModel"], swiftSettings: settings + crashPoints),

    // Queue and catalogue
    .target(
      name: "JobQueue", dependencies: ["BlockingThread", "RedisClient", "ScanModel", log],
      resources: [.embedInCode("Lua")], swiftSettings: pointerFree),
    .target(
      name: "Catalog", dependencies: ["CrashPoints", "PostgresClient", "ScanModel", log],
      resources: [.embedInCode("SQL")], swiftSettings: settings + crashPoints),

    // The slot's steps and their driver; the heartbeat
    .target(
      name: "Worker",
      dependencies: [
        "BlockingThread", "CCrypto", "Catalog", "CrashPoints", "FileTree", "JobQueue", "RedisClient", "ScanModel", log,
        lifecycle,
      ],
      swiftSettings: settings + crashPoints),

    // The reaper's steps and their driver: orphaned work, drift
    .target(
      name: "Reaper",
      dependencies: [
        "BlockingThread", "Catalog", "CrashPoints", "JobQueue", "RedisClient", "ScanModel", log, lifecycle,
      ],
      swiftSettings: settings + crashPoints),

    .executableTarget(
      name: "rollcall",
      dependencies: [
        "BlockingThread", "Worker", "Reaper", "Catalog", "CrashPoints", "JobQueue", "PostgresClient", "RedisClient",
        "ScanModel",
        arguments, log, lifecycle, signals, yams,
      ],
      swiftSettings: settings),

    .target(
      name: "TestSupport", dependencies: ["CLinux"], path: "Tests/TestSupport", swiftSettings: settings),
    // Models of what lies behind the slot's two narrow protocols; the real thing and its model pass one
    // conformance suite.
    .target(
      name: "InMemoryModels", dependencies: ["Catalog", "JobQueue", "ScanModel"], path: "Tests/InMemoryModels",
      swiftSettings: pointerFree),
    tests("BlockingThread", ["BlockingThread"]),
    tests("ScanModel", ["ScanModel"]),
    tests("RedisClient", ["RedisClient"]),
    tests("PostgresClient", ["PostgresClient"]),
    tests("FileTree", ["FileTree", "ScanModel"]),
    tests("JobQueue", ["InMemoryModels", "JobQueue", "RedisClient", "ScanModel"]),
    tests("Catalog", ["BlockingThread", "Catalog", "InMemoryModels", "PostgresClient", "ScanModel", log]),
    tests(
      "Worker",
      [
        "BlockingThread", "Catalog", "FileTree", "InMemoryModels", "JobQueue", "PostgresClient", "Reaper",
        "RedisClient", "ScanModel", "Worker", log,
      ]),
    tests("Reaper", ["Catalog", "InMemoryModels", "JobQueue", "Reaper", "ScanModel"]),
    tests("Rollcall", ["rollcall"]),
    tests("EndToEnd", ["rollcall", "CrashPoints", "PostgresClient", "RedisClient", "ScanModel"]),
    tests("CommandLine", ["rollcall"]),
  ],
  swiftLanguageModes: [.v6]
)
