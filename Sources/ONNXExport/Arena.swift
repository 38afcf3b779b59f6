import CONNX
import CProtobufC

/// Memory of protobuf-c messages, released together.
///
/// Taken from the system in blocks: a node is about twenty messages, names and lists.
final class Arena {
  private var blocks: [UnsafeMutableRawPointer] = []
  /// What is left of the last block.
  private var free = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  private static let blockByteCount = 1 << 16
  private static let alignment = 16

  deinit { for block in blocks { block.deallocate() } }

  private func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let size = (max(byteCount, 1) + Arena.alignment - 1) / Arena.alignment * Arena.alignment
    guard let start = free.baseAddress, size <= free.count else {
      let capacity = max(size, Arena.blockByteCount)
      let block = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: Arena.alignment)
      blocks.append(block)
      free = UnsafeMutableRawBufferPointer(start: block + size, count: capacity - size)
      return block
    }
    free = UnsafeMutableRawBufferPointer(start: start + size, count: free.count - size)
    return start
  }

  /// A message in its initial state.
  func make<T>(_ type: T.Type, _ initialize: (UnsafeMutablePointer<T>?) -> Void) -> UnsafeMutablePointer<T> {
    let pointer = allocate(MemoryLayout<T>.size).bindMemory(to: T.self, capacity: 1)
    initialize(pointer)
    return pointer
  }

  /// A C string.
  func string(_ text: String) -> UnsafeMutablePointer<CChar> {
    let (start, count) = copy(text, room: 1)
    start[count] = 0
    return UnsafeMutableRawPointer(start).assumingMemoryBound(to: CChar.self)
  }

  /// A string as a bytes field.
  func bytes(_ text: String) -> ProtobufCBinaryData {
    let (start, count) = copy(text, room: 0)
    return ProtobufCBinaryData(len: count, data: start)
  }

  /// The bytes of a text, with room behind them.
  private func copy(_ text: String, room: Int) -> (start: UnsafeMutablePointer<UInt8>, count: Int) {
    var text = text
    return text.withUTF8 { bytes in
      let start = allocate(bytes.count + room).bindMemory(to: UInt8.self, capacity: bytes.count + room)
      if let source = bytes.baseAddress { start.update(from: source, count: bytes.count) }
      return (start, bytes.count)
    }
  }

  /// A repeated field of numbers or bytes.
  func list<T: BitwiseCopyable>(_ items: [T]) -> (UnsafeMutablePointer<T>?, Int) {
    guard !items.isEmpty else { return (nil, 0) }
    let pointer = allocate(items.count * MemoryLayout<T>.stride).bindMemory(to: T.self, capacity: items.count)
    pointer.initialize(from: items, count: items.count)
    return (pointer, items.count)
  }

  /// A repeated field of messages or strings.
  func list<T>(_ items: [UnsafeMutablePointer<T>]) -> (UnsafeMutablePointer<UnsafeMutablePointer<T>?>?, Int) {
    guard !items.isEmpty else { return (nil, 0) }
    let pointer = allocate(items.count * MemoryLayout<Int>.stride)
      .bindMemory(to: UnsafeMutablePointer<T>?.self, capacity: items.count)
    for (index, item) in items.enumerated() { pointer[index] = item }
    return (pointer, items.count)
  }
}
