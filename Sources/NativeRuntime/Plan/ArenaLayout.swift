/// Places for buffers in one block of memory, by the steps between which each is needed: buffers that are never needed
/// at the same time may share bytes.
struct ArenaLayout {
  /// A cache line, and the widest vector.
  static let alignment = 64

  private(set) var byteCount = 0
  /// The buffers placed and not yet expired, by offset.
  private var live: [(offset: Int, end: Int, lastStep: Int)] = []

  /// The offset of a buffer that is written at `firstStep` and last read at `lastStep`: the smallest gap that it fits.
  /// Buffers are placed in the order of their first steps.
  mutating func place(byteCount size: Int, firstStep: Int, lastStep: Int) -> Int {
    live.removeAll { $0.lastStep < firstStep }
    let needed = (max(size, 1) + ArenaLayout.alignment - 1) / ArenaLayout.alignment * ArenaLayout.alignment
    var best: (offset: Int, room: Int)?
    var start = 0
    for buffer in live {
      let room = buffer.offset - start
      if room >= needed, room < best?.room ?? .max { best = (start, room) }
      start = max(start, buffer.end)
    }
    let offset = best?.offset ?? start
    let position = live.firstIndex { $0.offset > offset } ?? live.count
    live.insert((offset, offset + needed, lastStep), at: position)
    byteCount = max(byteCount, offset + needed)
    return offset
  }
}
