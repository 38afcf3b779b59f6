import CKernels
import HDF5
import ModelFiles
import ModelIR

/// The data of a chunked HDF5 dataset, unpacked when it is first asked for as a whole and kept from then on; reading in
/// tiles, bands of chunks that lie beside one another, keeps nothing.
final class ChunkedStorage: TensorStorage {
  private let chunks: HDF5Index.Chunks
  private let sizes: [Int]
  private let elementByteCount: Int
  private let fillValue: [UInt8]?
  private let chunkByteCount: Int
  private let file: HeldBytes
  private let kept = Lazy<HeldBytes>()
  /// The chunks by their place along the first axis, in chunks.
  private let bands: [Int: [HDF5Index.Chunk]]
  let byteCount: Int

  /// Bands up to this size are unpacked as a whole; of larger ones chunks are unpacked once for each part.
  private static let bandLimit = 16 << 20

  /// - Throws: `corrupted` if the table of chunks does not describe the dataset.
  init(
    _ chunks: HDF5Index.Chunks, of dataset: HDF5Index.Dataset, byteCount: Int, in file: HeldBytes
  ) throws(KerasImportError) {
    self.chunks = chunks
    self.byteCount = byteCount
    self.file = file
    sizes = dataset.sizes
    elementByteCount = dataset.elementByteCount
    fillValue = dataset.fillValue
    let damaged = KerasImportError(.corrupted("the table of its chunks is damaged"))
    guard chunks.sizes.count == sizes.count, !sizes.isEmpty,
      let chunkByteCount = Product.of(chunks.sizes + [dataset.elementByteCount]), chunkByteCount > 0
    else { throw damaged }
    self.chunkByteCount = chunkByteCount
    var origins: Set<[Int]> = []
    var packedByteCount = 0
    for chunk in chunks.chunks {
      guard file.slice(offset: chunk.offset, count: chunk.byteCount) != nil,
        chunk.origin.count == sizes.count,
        origins.insert(chunk.origin).inserted
      else { throw damaged }
      packedByteCount += chunk.byteCount
      for (axis, start) in chunk.origin.enumerated() {
        guard start >= 0, start % chunks.sizes[axis] == 0 else { throw damaged }
      }
    }
    // What the chunks can unpack to bounds what is allocated for them.
    let (unpacked, overflow) = packedByteCount.multipliedReportingOverflow(by: Inflating.ratioLimit)
    guard packedByteCount <= file.count, !overflow, byteCount - unpacked <= HDF5File.fillLimit else {
      throw KerasImportError(.corrupted("most of its \(byteCount) bytes of data were never written"))
    }
    bands = Dictionary(grouping: chunks.chunks) { $0.origin[0] / chunks.sizes[0] }
  }

  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try kept.value(unpacked).withBytes(body)
  }

  var tileByteCount: Int {
    // Sizes are not 0: there would be no chunks to read. A band may be larger than its dataset.
    let row = rowByteCount
    let (band, overflow) = row.multipliedReportingOverflow(by: chunks.sizes[0])
    if overflow || band > ChunkedStorage.bandLimit { return max(ChunkedStorage.bandLimit / 2 / row, 1) * row }
    return max((1 << 20) / band, 1) * band
  }

  func reader() throws -> any RangeReader {
    if let kept = kept.existing { return try HeldStorage(kept).reader() }
    return ChunkReader(storage: self)
  }

  /// The bytes of one step along the first axis.
  private var rowByteCount: Int { byteCount / sizes[0] }

  private func unpacked() throws -> HeldBytes {
    var failure: (any Error)?
    let memory = FilledMemory(byteCount: byteCount) { output in
      do {
        for tile in tiles { try read(tile, into: UnsafeMutableRawBufferPointer(rebasing: output[tile])) }
        return true
      } catch {
        failure = error
        return false
      }
    }
    guard let memory else { throw failure ?? KerasImportError(.corrupted("not enough memory for its data")) }
    return memory.content
  }

  /// Unpacks a range of bytes.
  fileprivate func read(_ range: Range<Int>, into output: UnsafeMutableRawBufferPointer) throws {
    guard !range.isEmpty else { return }
    let row = rowByteCount
    let rows = range.lowerBound / row..<(range.upperBound - 1) / row + 1
    if rows.count * row == range.count { return try unpack(rows, into: output) }
    try withScratch(rows.count * row) { whole in
      try unpack(rows, into: whole)
      let start = range.lowerBound - rows.lowerBound * row
      output.copyMemory(from: UnsafeRawBufferPointer(rebasing: whole[start..<start + range.count]))
    }
  }

  /// Unpacks steps along the first axis.
  private func unpack(_ rows: Range<Int>, into output: UnsafeMutableRawBufferPointer) throws {
    let (first, last) = (rows.lowerBound / chunks.sizes[0], (rows.upperBound - 1) / chunks.sizes[0])
    let beside = sizes.indices.dropFirst().reduce(1) { product, axis in
      let count = (sizes[axis] - 1) / chunks.sizes[axis] + 1
      return product.multipliedReportingOverflow(by: count).partialValue
    }
    for number in first...last {
      // A dataset that was made smaller keeps chunks beyond its edge.
      let band = (bands[number] ?? []).filter { zip($0.origin, sizes).allSatisfy { $0 < $1 } }
      if band.count < beside { fill(rows, ofBand: number, in: output) }
      for chunk in band {
        guard let packed = file.slice(offset: chunk.offset, count: chunk.byteCount) else { continue }
        try unfiltered(packed, chunk).withBytes { place($0, at: chunk.origin, rows, in: output) }
        packed.reportRead()
        packed.countRead()
      }
    }
  }

  private func fill(_ rows: Range<Int>, ofBand number: Int, in output: UnsafeMutableRawBufferPointer) {
    let (start, overflow) = number.multipliedReportingOverflow(by: chunks.sizes[0])
    let own = (overflow ? rows.upperBound : start)..<Int.max
    let part = rows.clamped(to: own.lowerBound..<max(own.lowerBound, rows.upperBound))
    let count = min(part.count, chunks.sizes[0]) * rowByteCount
    let offset = (part.lowerBound - rows.lowerBound) * rowByteCount
    ChunkedStorage.fill(
      UnsafeMutableRawBufferPointer(rebasing: output[offset..<offset + count]), with: fillValue)
  }

  /// Copies the part of a chunk that lies inside these rows of the dataset, run by run.
  private func place(
    _ data: UnsafeRawBufferPointer, at origin: [Int], _ rows: Range<Int>,
    in output: UnsafeMutableRawBufferPointer
  ) {
    let rank = sizes.count
    let extent = (0..<rank).map { min(chunks.sizes[$0], sizes[$0] - origin[$0]) }
    let own = rows.clamped(to: origin[0]..<origin[0] + extent[0])
    guard !own.isEmpty else { return }
    let ends = [own.upperBound - origin[0]] + extent.dropFirst()
    let start = own.lowerBound - origin[0]
    let runByteCount = (rank == 1 ? own.count : extent[rank - 1]) * elementByteCount
    var position = [start] + Array(repeating: 0, count: rank - 1)
    while true {
      var (source, target) = (0, 0)
      for axis in 0..<rank {
        source = source * chunks.sizes[axis] + position[axis]
        target = target * sizes[axis] + origin[axis] + position[axis]
      }
      let from = source * elementByteCount
      let to = target * elementByteCount - rows.lowerBound * rowByteCount
      UnsafeMutableRawBufferPointer(rebasing: output[to..<to + runByteCount])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: data[from..<from + runByteCount]))
      var axis = rank - 2
      while axis >= 0 {
        position[axis] += 1
        if position[axis] < ends[axis] { break }
        position[axis] = axis == 0 ? start : 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }

  /// Fills bytes with copies of one element; nil stands for zeros.
  static func fill(_ output: UnsafeMutableRawBufferPointer, with element: [UInt8]?) {
    guard let element, !element.isEmpty else {
      output.initializeMemory(as: UInt8.self, repeating: 0)
      return
    }
    for index in output.indices { output[index] = element[index % element.count] }
  }
}

private struct ChunkReader: MakingReader {
  let storage: ChunkedStorage

  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    try storage.read(range, into: target)
  }
}

// MARK: - Filters

extension ChunkedStorage {
  /// Undoes a chunk's filters, the last one first.
  private func unfiltered(
    _ packed: HeldBytes, _ chunk: HDF5Index.Chunk
  ) throws(KerasImportError) -> HeldBytes {
    let damaged = KerasImportError(.corrupted("a chunk of its data is damaged"))
    let isPartial = sizes.indices.contains { chunk.origin[$0] > sizes[$0] - chunks.sizes[$0] }
    var data = packed
    if !(chunks.leavesPartialChunksUnfiltered && isPartial) {
      for (number, filter) in chunks.filters.enumerated().reversed() {
        if number < 32, chunk.skippedFilters >> UInt32(number) & 1 == 1 { continue }
        guard let undone = undo(filter, number, chunk, data) else { throw damaged }
        data = undone
      }
    }
    guard data.count == chunkByteCount else { throw damaged }
    return data
  }

  private func undo(
    _ filter: HDF5Index.Filter, _ number: Int, _ chunk: HDF5Index.Chunk, _ data: HeldBytes
  ) -> HeldBytes? {
    switch filter {
    case .deflate:
      // A checksum that was appended before deflating makes the data longer.
      let appended = chunks.filters[..<number].enumerated().count { index, filter in
        filter == .fletcher32 && chunk.skippedFilters >> UInt32(min(index, 31)) & 1 == 0
      }
      let byteCount = chunkByteCount + 4 * appended
      guard byteCount / Inflating.ratioLimit <= data.count else { return nil }
      let memory = FilledMemory(byteCount: byteCount) { output in
        data.withBytes { Inflating.inflateChunk($0, into: output) }
      }
      return memory?.content
    case .shuffle(let elementByteCount):
      guard elementByteCount > 0 else { return nil }
      let memory = FilledMemory(byteCount: data.count) { output in
        data.withBytes { ChunkedStorage.unshuffle($0, elementByteCount, into: output) }
        return true
      }
      return memory?.content
    case .fletcher32:
      guard data.count >= 4, let content = data.slice(offset: 0, count: data.count - 4) else { return nil }
      let stored = data.withBytes { $0.loadUnaligned(fromByteOffset: content.count, as: UInt32.self) }
      let sum = content.withBytes { ChunkedStorage.fletcher32($0) }
      return sum == UInt32(littleEndian: stored) ? content : nil
    }
  }

  /// Puts the bytes of each element together again; bytes after the last whole element stay.
  private static func unshuffle(
    _ data: UnsafeRawBufferPointer, _ elementByteCount: Int, into output: UnsafeMutableRawBufferPointer
  ) {
    let count = data.count / elementByteCount
    guard let source = data.baseAddress, let target = output.baseAddress else { return }
    ck_unshuffle(
      source.assumingMemoryBound(to: UInt8.self), elementByteCount, count,
      target.assumingMemoryBound(to: UInt8.self))
    for index in count * elementByteCount..<data.count { output[index] = data[index] }
  }

  /// HDF5's Fletcher checksum: over big-endian 16-bit words, a last odd byte as the high byte.
  static func fletcher32(_ data: UnsafeRawBufferPointer) -> UInt32 {
    var (low, high): (UInt32, UInt32) = (0, 0)
    var index = 0
    while index < data.count {
      let second = index + 1 < data.count ? UInt32(data[index + 1]) : 0
      low = folded(low + (UInt32(data[index]) << 8 | second))
      high = folded(high + low)
      index += 2
    }
    return high << 16 | low
  }

  /// The value modulo 65535, where a multiple that is not 0 gives 65535.
  private static func folded(_ sum: UInt32) -> UInt32 { (sum & 0xFFFF) + (sum >> 16) }
}
