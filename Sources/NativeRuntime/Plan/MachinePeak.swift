import CKernels
import COneDNN

/// What the machine can do at best, measured: what a profile's figures are held against.
package struct MachinePeak: Sendable {
  /// Multiplications and additions a nanosecond, in registers.
  package let operationsPerNanosecond: Double
  /// Bytes read a nanosecond, of more than the caches hold.
  package let bytesPerNanosecond: Double

  /// Measures for about a fifth of a second.
  package static func measured(threads: Int) throws -> MachinePeak {
    kdnn_set_threads(Int32(threads))
    return try ThreadLimit.$current.withValue(threads) {
      MachinePeak(operationsPerNanosecond: operations(threads), bytesPerNanosecond: try bytes(threads))
    }
  }

  private static func operations(_ threads: Int) -> Double {
    let rounds = 1 << 20
    return best(threads, of: 2 * Double(rounds * Int(ck_peak_lanes))) { _ in
      var sums = [Float](repeating: 0, count: 16)
      ck_peak(rounds, &sums)
    }
  }

  /// Sums over 256 MB.
  private static func bytes(_ threads: Int) throws -> Double {
    let (pieces, count) = (4 * threads, (1 << 26) / (4 * threads))
    let memory = try PackedConstant(byteCount: 4 * pieces * count) {
      $0.initializeMemory(as: UInt8.self, repeating: 0, count: 4 * pieces * count)
    }
    return best(pieces, of: Double(4 * count)) { piece in
      var sum: Float = 0
      ck_sum_rows(memory.floats + piece * count, &sum, 1, count, 1)
    }
  }

  /// The most of `amount` a nanosecond that the threads get done, of five rounds of `pieces`.
  private static func best(_ pieces: Int, of amount: Double, _ body: @Sendable (Int) -> Void) -> Double {
    let clock = ContinuousClock()
    var best = 0.0
    for _ in 0..<5 {
      let time = clock.measure { parallel(pieces, grain: 1) { $0.forEach(body) } } / .nanoseconds(1)
      best = max(best, amount * Double(pieces) / max(time, 1))
    }
    return best
  }
}
