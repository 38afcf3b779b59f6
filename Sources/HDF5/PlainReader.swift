extension HDF5Index {
  /// Indexes a file that is laid out as h5py lays out what Keras saves, without libhdf5.
  ///
  /// Loading libhdf5 and opening 600 objects with it take 15 ms; this takes less than one. It knows one form of each thing
  /// and guesses nothing: nil for a file with anything else in it, damaged ones included, which libhdf5 is to look at.
  package init?(plain bytes: UnsafeRawBufferPointer) {
    var reader = PlainReader(bytes)
    guard let root = try? reader.root() else { return nil }  // Told by nil.
    self.init(root: root)
  }
}

/// Reads the one layout of files that h5py writes unless it is asked for another.
///
/// | part | form that is read |
/// | --- | --- |
/// | superblock | version 0 at the file's start, addresses and sizes of 8 bytes |
/// | groups | a B-tree of version 1 over symbol nodes, names in a local heap; hard links, one to each object |
/// | object headers | version 1, in any number of pieces |
/// | datasets | contiguous, plain little-endian integers and floating-point numbers |
/// | attributes | version 1: strings of fixed or variable length, integers of 8 bytes, lists without elements |
///
/// Source: HDF5 File Format Specification Version 3.0, II.A, III.A.1, III.B to III.E, IV.A.1.
struct PlainReader {
  /// The file up to the end that the superblock names.
  private(set) var file: PlainRecord
  private var nodeSizes = (leaf: 0, inner: 0)
  /// The addresses of all objects and nodes met: each is met once.
  private var met: Set<Int> = []
  private var objectCount = 0
  private var byteCount = 0
  /// The objects of a global heap by number, by the heap's address.
  var globalHeaps: [Int: [Int: PlainRecord]] = [:]

  init(_ bytes: UnsafeRawBufferPointer) { file = PlainRecord(bytes) }

  mutating func root() throws(NotPlain) -> HDF5Index.Group {
    let block = try file.part(0, 96)
    let whole = file.count
    // Versions, sizes of addresses and lengths, flags, base address, no driver.
    guard try block.signature == 0x0A1A_0A0D_4644_4889, try block.four(8) == 0,
      try block.four(12) & 0xFF_FFFF == 0x08_0800, try block.four(20) == 0, try block.eight(24) == 0,
      try block.signed(48) == -1
    else { throw NotPlain() }
    nodeSizes = (2 * (try block.two(16)), 2 * (try block.two(18)))
    let end = try block.eight(40)
    guard end <= whole else { throw NotPlain() }
    file = try file.part(0, end)
    guard case .group(let group) = try object(at: block.eight(64), depth: 0) else { throw NotPlain() }
    return group
  }

  /// Counts an address.
  private mutating func meet(_ address: Int) throws(NotPlain) {
    guard met.insert(address).inserted else { throw NotPlain() }
  }

  /// Counts what lies in the file once: headers, heaps and names, and once more strings, which lie in heaps. What is named
  /// again and again, or overlaps, would be far more than the file.
  mutating func count(bytes: Int) throws(NotPlain) {
    byteCount += bytes
    guard byteCount <= 2 * file.count else { throw NotPlain() }
  }

  // MARK: - Objects

  private enum Object {
    case group(HDF5Index.Group)
    case dataset(HDF5Index.Dataset)
  }

  private mutating func object(at address: Int, depth: Int) throws(NotPlain) -> Object {
    objectCount += 1
    try meet(address)
    guard depth < IndexBuilder.depthLimit, objectCount <= 20_000 + file.count / 64 else { throw NotPlain() }
    var messages = PlainMessages()
    try read(headerAt: address, into: &messages)
    var attributes: [String: HDF5Index.Attribute] = [:]
    for message in messages.attributes {
      let (name, value) = try attribute(message)
      guard attributes.updateValue(value, forKey: name) == nil else { throw NotPlain() }
    }
    switch (messages.symbols, messages.space, messages.type, messages.layout) {
    case (let symbols?, nil, nil, nil):
      return .group(try group(symbols, attributes, depth: depth))
    case (nil, let space?, let type?, let layout?):
      return .dataset(try dataset(space, type, layout, attributes))
    default: throw NotPlain()
    }
  }

  private func dataset(
    _ space: PlainRecord, _ type: PlainRecord, _ layout: PlainRecord,
    _ attributes: [String: HDF5Index.Attribute]
  ) throws(NotPlain) -> HDF5Index.Dataset {
    let element = try PlainType(type)
    guard let elementType = element.plain else { throw NotPlain() }
    var dataset = HDF5Index.Dataset(
      attributes: attributes, elementType: elementType, isBigEndian: false,
      elementByteCount: element.byteCount,
      sizes: try PlainReader.sizes(space), layout: .unallocated, fillValue: nil)
    // Version 3, contiguous.
    guard let byteCount = dataset.byteCount, try layout.two(0) == 0x0103 else { throw NotPlain() }
    if byteCount == 0 { return dataset }
    let offset = try layout.eight(2)
    guard try layout.eight(10) == byteCount else { throw NotPlain() }
    _ = try file.part(offset, byteCount)
    dataset.layout = .contiguous(offset: offset, byteCount: byteCount)
    return dataset
  }

  /// The sizes in a dataspace message.
  static func sizes(_ space: PlainRecord) throws(NotPlain) -> [Int] {
    let rank = try space.one(1)
    guard try space.one(0) == 1, rank <= 32, try space.one(2) <= 1 else { throw NotPlain() }
    var sizes: [Int] = []
    for axis in 0..<rank { sizes.append(try space.eight(8 + 8 * axis)) }
    return sizes
  }

  // MARK: - Groups

  private mutating func group(
    _ symbols: PlainRecord, _ attributes: [String: HDF5Index.Attribute], depth: Int
  ) throws(NotPlain) -> HDF5Index.Group {
    var group = HDF5Index.Group()
    group.attributes = attributes
    let heap = try file.part(symbols.eight(8), 32)
    guard heap.begins(with: "HEAP"), try heap.one(4) == 0 else { throw NotPlain() }
    let names = try file.part(heap.eight(24), heap.eight(8))
    var links: [(name: String, address: Int)] = []
    try collect(nodeAt: symbols.eight(0), level: nil, names, into: &links)
    for (name, address) in links {
      guard !name.isEmpty, name != ".", !name.utf8.contains(0x2F), group.groups[name] == nil,
        group.datasets[name] == nil
      else { throw NotPlain() }
      switch try object(at: address, depth: depth + 1) {
      case .group(let inner): group.groups[name] = inner
      case .dataset(let dataset): group.datasets[name] = dataset
      }
    }
    return group
  }

  /// Collects the links below a node of a group's tree, whose levels count down to 0.
  private mutating func collect(
    nodeAt address: Int, level: Int?, _ names: PlainRecord, into links: inout [(name: String, address: Int)]
  ) throws(NotPlain) {
    try meet(address)
    let node = try file.part(address, 24 + 8 * (2 * nodeSizes.inner + 1))
    let own = try node.one(5)
    let count = try node.two(6)
    guard node.begins(with: "TREE"), try node.one(4) == 0, own == level ?? own, count <= nodeSizes.inner
    else {
      throw NotPlain()
    }
    for place in 0..<count {
      let child = try node.eight(32 + 16 * place)
      if own > 0 {
        try collect(nodeAt: child, level: own - 1, names, into: &links)
      } else {
        try collect(symbolsAt: child, names, into: &links)
      }
    }
  }

  private mutating func collect(
    symbolsAt address: Int, _ names: PlainRecord, into links: inout [(name: String, address: Int)]
  ) throws(NotPlain) {
    try meet(address)
    let node = try file.part(address, 8 + 40 * nodeSizes.leaf)
    let count = try node.two(6)
    guard node.begins(with: "SNOD"), try node.one(4) == 1, count <= nodeSizes.leaf else { throw NotPlain() }
    for place in 0..<count {
      let entry = try node.part(8 + 40 * place, 40)
      // 2 is a soft link.
      guard try entry.four(16) <= 1 else { throw NotPlain() }
      let name = try names.text(entry.eight(0))
      try self.count(bytes: 1 + name.utf8.count)
      links.append((name, try entry.eight(8)))
    }
  }
}
