package import ModelFiles

/// A tensor's bytes as they are in a file or in memory.
package final class HeldStorage: ResidentStorage {
  package let bytes: HeldBytes

  package init(_ bytes: HeldBytes) { self.bytes = bytes }

  package var byteCount: Int { bytes.count }

  package var held: HeldBytes? { bytes }

  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try bytes.withBytes(body)
  }

  package func reader() throws -> any RangeReader { HeldReader(bytes: bytes) }

  package func releasePages() { bytes.releasePages() }
}

/// Counts what it reads, so that reading through a mapped file does not make the process large.
struct HeldReader: RangeReader {
  let bytes: HeldBytes

  func withBytes(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let part = try part(range)
    part.reportRead()
    try part.withBytes(body)
    part.countRead()
  }

  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    try withBytes(range) { target.copyMemory(from: $0) }
  }

  func part(_ range: Range<Int>) throws(TensorError) -> HeldBytes {
    guard let part = bytes.slice(offset: range.lowerBound, count: range.count) else {
      throw TensorError("bytes \(range) of \(bytes.count)")
    }
    return part
  }
}
