/// The metadata of a file that is written; every part begins at a multiple of 8.
///
/// Source: HDF5 File Format Specification Version 3.0, II.A, III.A.1, III.B to III.E, IV.A.1.
struct WrittenMetadata {
  private(set) var bytes: [UInt8] = []
  /// For each dataset, where the address of its values goes.
  private(set) var addressPlaces: [Int]
  private let datasets: [HDF5Writer.Dataset]
  /// Strings of attributes that a global heap is still to be made for, and where what stands for each goes.
  private var strings: [(text: [UInt8], place: Int)] = []

  /// Where the superblock has the file's end.
  static let endPlace = 40
  /// How many nodes of symbols a node of a tree holds, and how many symbols one of those.
  private static let (inner, leaf) = (32, 8)
  /// A global heap numbers its objects in 16 bits.
  private static let heapLimit = 1000

  init(datasets: [HDF5Writer.Dataset]) {
    self.datasets = datasets
    addressPlaces = Array(repeating: 0, count: datasets.count)
  }

  /// Writes everything; ``endPlace`` and ``addressPlaces`` are the caller's to fill.
  mutating func file(_ tree: WrittenTree) throws(HDF5Error) {
    bytes = Array("\u{89}HDF\r\n\u{1A}\n".unicodeScalars.map { UInt8($0.value) })
    // Versions; addresses and lengths of 8 bytes; half the sizes of nodes; flags; the base address.
    bytes += [
      0, 0, 0, 0, 0, 8, 8, 0, UInt8(WrittenMetadata.leaf / 2), 0, UInt8(WrittenMetadata.inner / 2), 0,
    ]
    bytes += Array(repeating: 0, count: 12)
    // No list of free space, the end, no driver, the root group's symbol without a name.
    for number in [-1, 0, -1, 0] { append(number) }
    let rootPlace = bytes.count
    bytes += Array(repeating: 0, count: 32)
    let root = try object(0, tree)
    set(root.header, at: rootPlace)
    set(root.symbols == nil ? 0 : 1, at: rootPlace + 8)
    set(root.symbols?.tree ?? 0, at: rootPlace + 16)  // The root is a group.
    set(root.symbols?.heap ?? 0, at: rootPlace + 24)  // As above.
    for start in stride(from: 0, to: strings.count, by: WrittenMetadata.heapLimit) {
      globalHeap(strings[start..<min(start + WrittenMetadata.heapLimit, strings.count)])
    }
  }

  /// Writes an address or a size over what is there.
  mutating func set(_ number: Int, at place: Int) {
    withUnsafeBytes(of: Int64(number).littleEndian) { bytes.replaceSubrange(place..<place + 8, with: $0) }
  }

  private mutating func append(_ number: Int) {
    withUnsafeBytes(of: Int64(number).littleEndian) { bytes.append(contentsOf: $0) }
  }

  private mutating func pad(to count: Int) {
    if bytes.count < count { bytes += Array(repeating: 0, count: count - bytes.count) }
  }

  // MARK: - Objects

  /// Where an object is, and a group's symbols.
  private struct Place {
    let header: Int
    var symbols: (tree: Int, heap: Int)?
  }

  private mutating func object(_ number: Int, _ tree: WrittenTree) throws(HDF5Error) -> Place {
    let node = tree.nodes[number]
    guard let dataset = node.dataset else {
      let symbols = try self.symbols(of: node, tree)
      let message = WrittenMessage(0x11, WrittenMessage.numbers([symbols.tree, symbols.heap]))
      return Place(header: try header([message], node.attributes), symbols: symbols)
    }
    let described = datasets[dataset]
    let type = try WrittenType(described.elementType, "dataset \"\(described.path)\"")
    let layout = WrittenMessage(
      0x08, [3, 1] + WrittenMessage.numbers([-1, try described.byteCount()]))
    // Written late, and where a value was set.
    let fill = WrittenMessage(0x05, [2, 2, 2, 1, 0, 0, 0, 0], isConstant: true)
    let messages = [
      layout, WrittenMessage(0x01, WrittenMessage.space(described.sizes)),
      WrittenMessage(0x03, type.bytes, isConstant: true), fill,
    ]
    let isOpaque = described.elementType == .bfloat16
    let place = Place(header: try header(messages, isOpaque ? [("dtype", "bfloat16")] : []))
    addressPlaces[dataset] = place.header + 16 + 8 + 2
    return place
  }

  /// Writes an object header.
  private mutating func header(
    _ messages: [WrittenMessage], _ attributes: [(name: String, value: String)]
  ) throws(HDF5Error) -> Int {
    let start = bytes.count
    let all = messages + attributes.map { WrittenMessage.attribute($0.name) }
    let byteCount = all.reduce(0) { $0 + 8 + $1.content.count }
    guard all.count <= Int(UInt16.max), all.allSatisfy({ $0.content.count <= Int(UInt16.max) }),
      let size = UInt32(exactly: byteCount)
    else { throw HDF5Error(.unsupported("names and attributes of more than 64 KB")) }
    bytes += [1, 0, UInt8(all.count & 0xFF), UInt8(all.count >> 8), 1, 0, 0, 0]
    withUnsafeBytes(of: size.littleEndian) { bytes.append(contentsOf: $0) }
    bytes += [0, 0, 0, 0]
    for message in messages { append(message) }
    for attribute in attributes {
      append(WrittenMessage.attribute(attribute.name))
      strings.append((Array(attribute.value.utf8), bytes.count - 16))
    }
    return start
  }

  private mutating func append(_ message: WrittenMessage) {
    let count = message.content.count
    bytes += [message.kind, 0, UInt8(count & 0xFF), UInt8(count >> 8), message.isConstant ? 1 : 0, 0, 0, 0]
    bytes += message.content
  }

  // MARK: - Groups

  /// Writes what is in a group, then the names and the tree of it.
  private mutating func symbols(
    of node: WrittenTree.Node, _ tree: WrittenTree
  ) throws(HDF5Error) -> (tree: Int, heap: Int) {
    let children = node.children.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    var names: [UInt8] = Array(repeating: 0, count: 8)
    var entries: [(name: Int, place: Place)] = []
    for (name, number) in children {
      entries.append((names.count, try object(number, tree)))
      names += Array(name.utf8) + Array(repeating: 0, count: 8 - name.utf8.count % 8)
    }
    let heap = bytes.count
    bytes += Array("HEAP".utf8) + [0, 0, 0, 0]
    for number in [names.count, 1, heap + 32] { append(number) }  // 1 is no free space.
    bytes += names
    return (self.tree(leaves(entries)), heap)
  }

  /// A part of a tree: where it is, and the names of which the symbols in it are behind the first and up to the second.
  private typealias Branch = (address: Int, after: Int, last: Int)

  private mutating func leaves(_ entries: [(name: Int, place: Place)]) -> [Branch] {
    var branches: [Branch] = []
    for start in stride(from: 0, to: entries.count, by: WrittenMetadata.leaf) {
      let part = entries[start..<min(start + WrittenMetadata.leaf, entries.count)]
      let address = bytes.count
      bytes += Array("SNOD".utf8) + [1, 0, UInt8(part.count), 0]
      for (name, place) in part {
        append(name)
        append(place.header)
        append(place.symbols == nil ? 0 : 1)
        append(place.symbols?.tree ?? 0)  // Not looked at for a dataset.
        append(place.symbols?.heap ?? 0)  // As above.
      }
      pad(to: address + 8 + 40 * WrittenMetadata.leaf)
      branches.append((address, branches.last?.last ?? 0, part.last?.name ?? 0))  // No part is empty.
    }
    return branches
  }

  /// Writes the nodes of a tree from the lowest level up.
  /// - Returns: where its root is.
  private mutating func tree(_ leaves: [Branch]) -> Int {
    var (branches, level) = (leaves, 0)
    repeat {
      branches = nodes(of: branches, level: level)
      level += 1
    } while branches.count > 1
    return branches[0].address
  }

  /// Writes the nodes of a level side by side; one without children where there are none.
  private mutating func nodes(of children: [Branch], level: Int) -> [Branch] {
    let (start, size) = (bytes.count, 24 + 8 * (2 * WrittenMetadata.inner + 1))
    let count = max(1, (children.count + WrittenMetadata.inner - 1) / WrittenMetadata.inner)
    var branches: [Branch] = []
    for number in 0..<count {
      let first = number * WrittenMetadata.inner
      let part = children[first..<min(first + WrittenMetadata.inner, children.count)]
      bytes += Array("TREE".utf8) + [0, UInt8(level), UInt8(part.count), 0]
      append(number == 0 ? -1 : start + (number - 1) * size)
      append(number == count - 1 ? -1 : start + (number + 1) * size)
      append(part.first?.after ?? 0)  // An empty group's only name is the empty one.
      for child in part {
        append(child.address)
        append(child.last)
      }
      pad(to: start + (number + 1) * size)
      // As above.
      branches.append((start + number * size, part.first?.after ?? 0, part.last?.last ?? 0))
    }
    return branches
  }

  // MARK: - Strings

  /// Writes a global heap of strings, and what stands for each where it is to be.
  private mutating func globalHeap(_ strings: ArraySlice<(text: [UInt8], place: Int)>) {
    let start = bytes.count
    let used = strings.reduce(16) { $0 + 16 + ($1.text.count + 7) / 8 * 8 }
    let size = max(4096, used)
    bytes += Array("GCOL".utf8) + [1, 0, 0, 0]
    append(size)
    for (number, string) in zip(1..., strings) {
      bytes += [UInt8(number & 0xFF), UInt8(number >> 8), 0, 0, 0, 0, 0, 0]
      append(string.text.count)
      bytes += string.text
      pad(to: (bytes.count + 7) / 8 * 8)
      refer(to: number, in: start, string.text.count, at: string.place)
    }
    if size - used >= 16 {
      append(0)
      append(size - used)
    }
    pad(to: start + size)
  }

  private mutating func refer(to number: Int, in heap: Int, _ byteCount: Int, at place: Int) {
    let parts = [UInt32(truncatingIfNeeded: byteCount).littleEndian, UInt32(number).littleEndian]
    withUnsafeBytes(of: parts[0]) { bytes.replaceSubrange(place..<place + 4, with: $0) }
    set(heap, at: place + 4)
    withUnsafeBytes(of: parts[1]) { bytes.replaceSubrange(place + 12..<place + 16, with: $0) }
  }
}
