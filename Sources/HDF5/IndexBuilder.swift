import CHDF5

extension HDF5Index {
  /// Indexes a file whose bytes are in memory or mapped, at any alignment. The bytes are not copied.
  /// - Throws: ``HDF5Error``: the file is damaged, cut off, or has links that are not followed.
  package init(indexing bytes: UnsafeRawBufferPointer) throws(HDF5Error) {
    self = try HDF5Library.locked { () throws(HDF5Error) in
      var builder = IndexBuilder(fileByteCount: bytes.count)
      return try builder.index(bytes)
    }
  }
}

/// Walks through a file with libhdf5. Only metadata is read.
struct IndexBuilder {
  /// The size of the file without what precedes its HDF5 content. Every size and offset is held against this one.
  private(set) var fileByteCount: Int
  /// Set where the process ends with its work: closing a file takes as long as a quarter of reading it.
  private let leavesFileOpen: Bool
  /// Which links are followed.
  private let share: Share
  /// Whether the current group is below one whose links are shared.
  private var isInShare = false
  /// Told the root group's attributes as soon as they are known.
  var didReadRootAttributes: ([String: HDF5Index.Attribute]) -> Void = { _ in }
  /// The size of what precedes the HDF5 content of the file, the user block. The library never sees it: releases differ in
  /// what they say of chunks behind one.
  private(set) var userBlockByteCount = 0
  private(set) var rootAddress: UInt64 = 0
  private var objectCount = 0
  private var byteCount = 0
  /// What the parts of the index so far hold beside names, about; see ``copyLimit``.
  private var weight = 0
  private var copiedWeight = 0
  /// Bytes of datasets that the library has read.
  private var readByteCount = 0
  /// Datasets that have been read, by address.
  private var finishedDatasets: [UInt64: HDF5Index.Dataset] = [:]
  /// Groups that have been read, by address: a group may be linked more than once.
  private var finished: [UInt64: (group: HDF5Index.Group, objectCount: Int, weight: Int)] = [:]
  /// The addresses of the groups around the current one.
  private var ancestors: Set<UInt64> = []

  static let linkLimit = 1_000_000
  /// Objects that are linked many times count each time. One takes up a few hundred bytes of a file.
  private var objectLimit: Int { 20_000 + fileByteCount / 64 }

  /// What is linked more than once is in the index as often: together, in bytes, so much.
  private var copyLimit: Int { 32 << 20 + 16 * fileByteCount }

  /// Counts what a further link to the same thing adds to the index.
  private mutating func countCopy(_ weight: Int) throws(HDF5Error) {
    self.weight += weight
    copiedWeight += weight
    guard copiedWeight <= copyLimit else {
      throw HDF5Error(
        .unsupported(
          "links to the same objects, which together are far more than the file of \(fileByteCount) bytes"))
    }
  }

  /// Counts bytes that the library reads for the index.
  mutating func countRead(_ bytes: Int) throws(HDF5Error) {
    weight += bytes
    readByteCount += bytes
    guard readByteCount <= 64 << 20 + 2 * fileByteCount else {
      throw HDF5Error(
        .unsupported("datasets of many small chunks, which together are \(readByteCount) bytes or more"))
    }
  }

  /// Counts bytes of attributes and chunks, which lie in the file: together they are no larger unless many refer to the
  /// same ones, which would unpack to far more than the file holds.
  mutating func count(bytes: Int, _ what: String) throws(HDF5Error) {
    let (sum, overflow) = byteCount.addingReportingOverflow(bytes)
    byteCount = sum
    guard !overflow, byteCount <= 2 * fileByteCount + 1 << 20 else {
      throw HDF5Error(.corrupted("\(what): more bytes than the file has, which overlap"))
    }
    weight += bytes
  }

  static let depthLimit = 128

  /// What part of a file is read. In both halves together is all of it.
  enum Share {
    case all
    /// Every second link of groups with many, and whole what is below them: of the layers of a model, half.
    case first, second

    fileprivate func takes(_ place: Int) -> Bool {
      switch self {
      case .all: true
      case .first: place % 2 == 0
      case .second: place % 2 == 1
      }
    }
  }

  /// Groups with as many links are shared.
  private static let sharedLinkCount = 8

  init(fileByteCount: Int, leavesFileOpen: Bool = false, share: Share = .all) {
    self.fileByteCount = fileByteCount
    self.leavesFileOpen = leavesFileOpen
    self.share = share
  }

  mutating func index(_ bytes: UnsafeRawBufferPointer) throws(HDF5Error) -> HDF5Index {
    userBlockByteCount = IndexBuilder.userBlockByteCount(of: bytes)
    fileByteCount = bytes.count - userBlockByteCount
    let image = UnsafeRawBufferPointer(rebasing: bytes[userBlockByteCount...])
    let file = try Handle(
      chdf5_open_image(image.baseAddress, image.count), closing: H5.Fclose,
      what: "not a readable HDF5 file; it may be truncated")
    let root = try Handle(
      H5.Gopen2(file.id, "/", chdf5_default_properties()), closing: H5.Gclose, what: "root group")
    let object = try describe(root.id)
    rootAddress = object.address
    let index = HDF5Index(root: try group(root.id, object, path: ""))
    if leavesFileOpen { file.leaveOpen() }
    return index
  }

  /// Where the format's signature is: at the start, or at 512 bytes or a doubling of them. 0 where it is at none of these.
  private static func userBlockByteCount(of bytes: UnsafeRawBufferPointer) -> Int {
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    var place = 0
    while place <= bytes.count - signature.count {
      if bytes[place...].starts(with: signature) { return place }
      place = max(512, 2 * place)
    }
    return 0
  }

  // MARK: - Objects

  struct ObjectDescription {
    var address: UInt64 = 0
    var kind: Int32 = 0
    var attributeCount: UInt64 = 0
  }

  func describe(_ id: hid_t) throws(HDF5Error) -> ObjectDescription {
    var object = ObjectDescription()
    guard chdf5_object(id, &object.address, &object.kind, &object.attributeCount) >= 0 else {
      throw HDF5Error(.corrupted("object header: \(HDF5Library.message())"))
    }
    return object
  }

  private mutating func group(
    _ id: hid_t, _ object: ObjectDescription, path: String
  ) throws(HDF5Error) -> HDF5Index.Group {
    if let known = finished[object.address] {
      try count(known.objectCount)
      try countCopy(known.weight)
      return known.group
    }
    ancestors.insert(object.address)
    guard ancestors.count <= IndexBuilder.depthLimit else {
      throw HDF5Error(.unsupported("more than \(IndexBuilder.depthLimit) levels of groups"))
    }
    let (countBefore, weightBefore) = (objectCount, weight)
    var group = HDF5Index.Group()
    group.attributes = try attributes(of: id, count: object.attributeCount)
    if path.isEmpty { didReadRootAttributes(group.attributes) }
    let links = try links(of: id)
    let isShared = share != .all && !isInShare && links.count >= IndexBuilder.sharedLinkCount
    if isShared { isInShare = true }
    for (place, link) in links.enumerated() where !isShared || share.takes(place) {
      let childPath = path.isEmpty ? link.name : "\(path)/\(link.name)"
      do {
        try read(link, of: id, path: childPath, into: &group)
      } catch {
        throw error.object.isEmpty ? HDF5Error(error.reason, object: childPath) : error
      }
    }
    ancestors.remove(object.address)
    if isShared {
      isInShare = false  // Not finished: below another link it has to be read whole.
    } else {
      finished[object.address] = (group, objectCount - countBefore, weight - weightBefore)
    }
    return group
  }

  private mutating func read(
    _ link: Link, of parent: hid_t, path: String, into group: inout HDF5Index.Group
  ) throws(HDF5Error) {
    try count(1)
    let address = try address(of: link, in: parent)
    let child = try Handle(H5.Oopen_by_addr(parent, address), closing: H5.Oclose, what: "cannot be opened")
    let object = try describe(child.id)
    switch object.kind {
    case 0:
      // A link back to a group around this one adds nothing that is not reached without it.
      if ancestors.contains(object.address) { return }
      group.groups[link.name] = try self.group(child.id, object, path: path)
    case 1:
      if let known = finishedDatasets[object.address] {
        try countCopy(known.weight)
        group.datasets[link.name] = known
        return
      }
      let attributes = try attributes(of: child.id, count: object.attributeCount)
      let dataset = try dataset(child.id, attributes: attributes)
      finishedDatasets[object.address] = dataset
      group.datasets[link.name] = dataset
    default: break  // A named datatype holds no data.
    }
  }

  mutating func count(_ objects: Int) throws(HDF5Error) {
    objectCount += objects
    guard objectCount <= objectLimit else {
      throw HDF5Error(.unsupported("more than \(objectLimit) objects in a file of \(fileByteCount) bytes"))
    }
  }

  // MARK: - Links

  struct Link {
    var name: String
    var kind: Int32
    /// Where the object is that a hard link leads to; the size of a soft link's path with the zero at its end.
    var value: UInt64
  }

  private final class LinkList {
    var links: [Link] = []
    var problem: String?
  }

  /// The links of a group. They are collected before any is opened, as the library wants it.
  private func links(of group: hid_t) throws(HDF5Error) -> [Link] {
    let list = LinkList()
    let status = chdf5_links(
      group,
      { name, kind, value, context in
        guard let name, let context else { return -1 }
        let list = Unmanaged<LinkList>.fromOpaque(context).takeUnretainedValue()
        guard let name = String(validatingCString: name), !name.isEmpty, name != ".", !name.contains("/")
        else {
          list.problem = "a link whose name is not a valid name"
          return 1
        }
        guard list.links.count < IndexBuilder.linkLimit else {
          list.problem = "too many links in one group"
          return 1
        }
        list.links.append(Link(name: name, kind: kind, value: value))
        return 0
      }, Unmanaged.passUnretained(list).toOpaque())
    if let problem = list.problem { throw HDF5Error(.corrupted(problem)) }
    guard status >= 0 else { throw HDF5Error(.corrupted("links of a group: \(HDF5Library.message())")) }
    return list.links
  }
}

extension HDF5Index.Dataset {
  /// What the dataset takes up in an index beside its names and attributes, about, in bytes.
  fileprivate var weight: Int {
    let attributes = attributes.values.reduce(0) { $0 + $1.weight }
    switch layout {
    case .compact(let bytes): return attributes + bytes.count
    // An origin, an offset and two numbers more for each.
    case .chunked(let chunks): return attributes + chunks.chunks.count * (48 + 8 * sizes.count)
    case .contiguous, .unallocated, .unsupported: return attributes
    }
  }
}

extension HDF5Index.Attribute {
  fileprivate var weight: Int {
    switch self {
    case .strings(let strings, _): strings.reduce(0) { $0 + $1.utf8.count + 8 }
    case .integers(let values, _): 8 * values.count
    case .numbers(let values, _): 8 * values.count
    case .other: 0
    }
  }
}
