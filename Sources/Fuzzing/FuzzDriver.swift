import Foundation
import ModelIR

/// Runs a target on mutated inputs, one after another, and says at which seed the process ended if it does.
struct FuzzDriver {
  struct UsageError: Error {}

  private let target: FuzzTarget
  private let corpus: [[UInt8]]
  private var seeds: Range<UInt64> = 1..<1001
  private var saved: String?

  init(_ arguments: [String]) throws {
    guard arguments.count >= 2, let target = FuzzTarget(rawValue: arguments[0]) else { throw UsageError() }
    self.target = target
    var (first, count): (UInt64, UInt64) = (1, 1000)
    var rest = arguments.dropFirst(2)
    while let name = rest.popFirst(), let value = rest.popFirst() {
      switch name {
      case "--seed": first = try FuzzDriver.number(value)
      case "--count": count = try FuzzDriver.number(value)
      case "--save": saved = value
      default: throw UsageError()
      }
    }
    seeds = first..<(first + count)
    corpus = try FuzzDriver.files(in: arguments[1], suffixes: target.suffixes)
  }

  private static func number(_ text: String) throws -> UInt64 {
    guard let number = UInt64(text) else { throw UsageError() }
    return number
  }

  /// The files of a folder at any depth, in the order of their names.
  private static func files(in folder: String, suffixes: [String]) throws -> [[UInt8]] {
    guard let names = FileManager.default.enumerator(atPath: folder) else { throw UsageError() }
    let paths = names.compactMap { $0 as? String }.filter { name in suffixes.contains { name.hasSuffix($0) } }
    let files = paths.sorted().compactMap { FileManager.default.contents(atPath: "\(folder)/\($0)") }
    return files.filter { $0.count < 1 << 18 }.map(Array.init)
  }

  nonisolated(unsafe) private static var current: UInt64 = 0

  func run() throws {
    // With FUZZ_RAW the system shows where it was.
    if ProcessInfo.processInfo.environment["FUZZ_RAW"] == nil { FuzzDriver.reportEnds() }
    for seed in seeds {
      FuzzDriver.current = seed
      alarm(10)
      var random = FuzzRandom(seed: seed)
      let original = corpus.isEmpty ? [] : corpus[random.below(corpus.count)]
      let input = target.mutated(original, &random)
      if let saved { try Data(input).write(to: URL(filePath: saved)) }
      target.run(input, seed: seed)
    }
    alarm(0)
    print("\(target.rawValue): \(seeds.count) inputs")
  }

  /// A crash and 10 seconds without an answer say their seed.
  private static func reportEnds() {
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGALRM] {
      signal(number) { number in
        let what = number == SIGALRM ? "no answer in 10 s" : "ended by signal \(number)"
        FileHandle.standardError.write(Data("seed \(FuzzDriver.current): \(what)\n".utf8))
        _exit(77)
      }
    }
  }
}

/// Random numbers of one seed; neighbouring seeds have nothing in common.
struct FuzzRandom: RandomNumberGenerator {
  private var generator: SplitMix64
  init(seed: UInt64) { generator = SplitMix64(seed: seed &* 0x9E37_79B9_7F4A_7C15) }
  mutating func next() -> UInt64 { generator.next() }
  mutating func below(_ count: Int) -> Int { Int.random(in: 0..<max(count, 1), using: &self) }
  mutating func pick<T>(_ items: [T]) -> T { items[below(items.count)] }
}
