import CONNX
import CProtobufC

/// Memory of protobuf-c messages, released together.
final class Arena {
  private var blocks: [UnsafeMutableRawPointer] = []

  deinit { for block in blocks { block.deallocate() } }

  private func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let block = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 1), alignment: 16)
    blocks.append(block)
    return block
  }

  /// A message in its initial state.
  func make<T>(_ type: T.Type, _ initialize: (UnsafeMutablePointer<T>?) -> Void) -> UnsafeMutablePointer<T> {
    let pointer = allocate(MemoryLayout<T>.size).bindMemory(to: T.self, capacity: 1)
    initialize(pointer)
    return pointer
  }

  /// A C string.
  func string(_ text: String) -> UnsafeMutablePointer<CChar> {
    let utf8 = text.utf8
    let pointer = allocate(utf8.count + 1).bindMemory(to: CChar.self, capacity: utf8.count + 1)
    for (index, byte) in utf8.enumerated() { pointer[index] = CChar(bitPattern: byte) }
    pointer[utf8.count] = 0
    return pointer
  }

  /// A string as a bytes field.
  func bytes(_ text: String) -> ProtobufCBinaryData {
    let utf8 = Array(text.utf8)
    let pointer = allocate(utf8.count).bindMemory(to: UInt8.self, capacity: max(utf8.count, 1))
    for (index, byte) in utf8.enumerated() { pointer[index] = byte }
    return ProtobufCBinaryData(len: utf8.count, data: pointer)
  }

  /// A repeated field of numbers or bytes.
  func list<T: BitwiseCopyable>(_ items: [T]) -> (UnsafeMutablePointer<T>?, Int) {
    guard !items.isEmpty else { return (nil, 0) }
    let pointer = allocate(items.count * MemoryLayout<T>.stride).bindMemory(to: T.self, capacity: items.count)
    for (index, item) in items.enumerated() { pointer[index] = item }
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
