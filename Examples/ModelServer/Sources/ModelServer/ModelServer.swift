import Kconvert

/// A server at work without its network: many requests at once on one session, a heartbeat that must not wait for them, and a
/// request whose client went away.
@main struct ModelServer {
  static let clock = ContinuousClock()

  static func main() async throws {
    let data = CommandLine.arguments.dropFirst().first ?? "Data"
    let model = try KerasModel(contentsOfFile: "\(data)/model.keras")
    // Many requests: a core for each.
    let session = try await Session.prepare(model, options: Session.Options(threads: 1))
    // What clients send. Making it is not the server's work, and would hold Swift's own threads.
    let images = try (0..<4).map { try batch(of: 32, seed: $0) }
    let many = try batch(of: 256, seed: 1)

    let heartbeat = Task { await longestGap(between: .milliseconds(5)) }
    let started = clock.now
    let answers = try await serve(session, requests: 64, images)
    print("\(answers) requests in \(started.duration(to: clock.now))")
    let cancelled = try await cancellation(session, many)
    heartbeat.cancel()
    let gap = await heartbeat.value
    print("the heartbeat was at most \(gap) late; a cancelled request ended after \(cancelled)")
    guard gap < .milliseconds(20), cancelled < .milliseconds(50) else {
      throw TooSlow(gap: gap, cancelled: cancelled)
    }
  }

  /// Answers requests side by side.
  static func serve(_ session: Session, requests: Int, _ images: [Tensor]) async throws -> Int {
    try await withThrowingTaskGroup(of: Int.self) { group in
      for request in 0..<requests {
        group.addTask {
          try await session.run(["image": images[request % images.count]]).count
        }
      }
      return try await group.reduce(0, +)
    }
  }

  /// How long a request goes on after nobody waits for it any more.
  static func cancellation(_ session: Session, _ images: Tensor) async throws -> Duration {
    let request = Task { try await session.run(["image": images]) }
    try await Task.sleep(for: .milliseconds(20))
    let start = clock.now
    request.cancel()
    do {
      _ = try await request.value
    } catch is CancellationError {}
    return start.duration(to: clock.now)
  }

  /// Images of some pattern.
  static func batch(of count: Int, seed: Int) throws -> Tensor {
    let pixels = (0..<count * 784).map { Float(($0 &* 31 &+ seed) % 255) / 255 }
    return try Tensor(pixels, sizes: [count, 28, 28, 1])
  }

  /// Wakes up again and again until it is cancelled; the most that it was late.
  static func longestGap(between beats: Duration) async -> Duration {
    var longest = Duration.zero
    while !Task.isCancelled {
      let start = clock.now
      do { try await Task.sleep(for: beats) } catch { break }
      longest = max(longest, start.duration(to: clock.now) - beats)
    }
    return longest
  }

  /// The server did not keep its promises.
  struct TooSlow: Error {
    let gap: Duration
    let cancelled: Duration
  }
}
