#if Archives
  import CDeflate
  import CMinizip
  import Dispatch
  import ModelFiles
  import ModelIR

  /// CRC-32 as zip archives have it.
  package enum Checksum {
    fileprivate static let partByteCount = 1 << 20

    /// The checksum of bytes, or that of those before continued over them.
    package static func crc32(_ bytes: UnsafeRawBufferPointer, after sum: UInt32 = 0) -> UInt32 {
      libdeflate_crc32(sum, bytes.baseAddress, bytes.count)
    }

    /// The checksum of two runs of bytes from those of each.
    package static func combined(_ first: UInt32, _ second: UInt32, byteCount: Int) -> UInt32 {
      UInt32(truncatingIfNeeded: crc32_combine(uLong(first), uLong(second), numericCast(byteCount)))
    }

    /// The checksum of all bytes, computed on all cores; memory does not grow with the bytes.
    static func crc32(_ bytes: HeldBytes) -> UInt32 { RunningChecksum(bytes).value }
  }

  /// The checksum of a range of bytes, made of the parts that others read for other reasons, while they are in the cache;
  /// what nobody has read when it is asked for is read then.
  final class RunningChecksum: ByteWitness, @unchecked Sendable {
    /// Consecutive bytes whose checksum is known.
    private struct Run {
      var range: Range<Int>
      var sum: UInt32
    }

    private let bytes: HeldBytes
    private let base: Int
    // Guarded by the lock; in order, without overlaps.
    private var runs: [Run] = []
    /// How many bytes others have read.
    private var seenByteCount = 0
    private let lock = Lazy<Never>()
    private let whole = Lazy<UInt32>()

    init(_ bytes: HeldBytes) {
      self.bytes = bytes
      base = bytes.withBytes { Int(bitPattern: $0.baseAddress) }
    }

    /// The same bytes, whose reading counts.
    var witnessed: HeldBytes { bytes.witnessed(by: self) }

    func saw(_ part: UnsafeRawBufferPointer) {
      lock.guarded { seenByteCount += part.count }
      add(part)
    }

    private func add(_ part: UnsafeRawBufferPointer) {
      let start = Int(bitPattern: part.baseAddress) - base
      let range = start..<start + part.count
      guard !part.isEmpty, start >= 0, range.upperBound <= bytes.count,
        lock.guarded({ isNew(range, at: place(of: range)) })
      else { return }
      let run = Run(range: range, sum: Checksum.crc32(part))
      lock.guarded {
        // Another thread may have read the same meanwhile.
        let place = place(of: range)
        if isNew(range, at: place) { runs.insert(run, at: place) }
      }
    }

    /// Where in the list a range belongs: behind those that start before it.
    private func place(of range: Range<Int>) -> Int {
      var (low, high) = (0, runs.count)
      while low < high {
        let middle = (low + high) / 2
        if runs[middle].range.lowerBound < range.lowerBound { low = middle + 1 } else { high = middle }
      }
      return low
    }

    private func isNew(_ range: Range<Int>, at place: Int) -> Bool {
      (place == 0 || runs[place - 1].range.upperBound <= range.lowerBound)
        && (place == runs.count || range.upperBound <= runs[place].range.lowerBound)
    }

    /// The checksum of all bytes.
    var value: UInt32 {
      whole.value { () -> UInt32 in
        readGaps()
        return lock.guarded {
          runs.reduce(0) { Checksum.combined($0, $1.sum, byteCount: $1.range.count) }
        }
      }
    }

    /// Begins to read from the start, beside what else is done, until others read.
    func readAhead() {
      DispatchQueue.global().async { [self] in
        for range in ByteTiles(whole: bytes.count, each: Checksum.partByteCount) {
          guard lock.guarded({ seenByteCount }) < Checksum.partByteCount else { return }
          let part = bytes.slice(offset: range.lowerBound, count: range.count)
          part?.withBytes { add($0) }
          part?.countRead()
        }
      }
    }

    /// Reads what has not been read, on all cores.
    private func readGaps() {
      var (gaps, end): ([Range<Int>], Int) = ([], 0)
      for range in lock.guarded({ runs.map(\.range) }) + [bytes.count..<bytes.count] {
        while end < range.lowerBound {
          let next = min(end + Checksum.partByteCount, range.lowerBound)
          gaps.append(end..<next)
          end = next
        }
        end = range.upperBound
      }
      let parts = gaps
      DispatchQueue.concurrentPerform(iterations: parts.count) { index in
        let part = bytes.slice(offset: parts[index].lowerBound, count: parts[index].count)
        part?.withBytes { add($0) }
        part?.countRead()
      }
    }
  }
#endif
