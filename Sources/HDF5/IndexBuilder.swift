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
  /// Every size and offset is held against this one.
  let fileByteCount: Int
  /// Set where the process ends with its work: closing a file takes as long as a quarter of reading it.
  private let leavesFileOpen: Bool
  /// Which links are followed.
  private let share: Share
  /// Whether the current group is below one whose links are shared.
  private var isInShare = false
  /// Told the root group's attributes as soon as they are known.
  var didReadRootAttributes: ([String: HDF5Index.Attribute]) -> Void = { _ in }
  /// The size of what precedes the HDF5 content of the file.
  private(set) var userBlockByteCount: hsize_t = 0
  private(set) var rootAddress: UInt64 = 0
  private var objectCount = 0
  private var byteCount = 0
  /// Datasets that have been read, by address.
  private var finishedDatasets: [UInt64: HDF5Index.Dataset] = [:]
  /// Groups that have been read, by address: a group may be linked more than once.
  private var finished: [UInt64: (group: HDF5Index.Group, objectCount: Int)] = [:]
  /// The addresses of the groups around the current one.
  private var ancestors: Set<UInt64> = []

  static let linkLimit = 1_000_000
  /// Objects that are linked many times count each time. One takes up a few hundred bytes of a file.
  private var objectLimit: Int { 20_000 + fileByteCount / 64 }

  /// Counts bytes of attributes and chunks, which lie in the file: together they are no larger unless many refer to the
  /// same ones, which would unpack to far more than the file holds.
  mutating func count(bytes: Int, _ what: String) throws(HDF5Error) {
    let (sum, overflow) = byteCount.addingReportingOverflow(bytes)
    byteCount = sum
    guard !overflow, byteCount <= 2 * fileByteCount + 1 << 20 else {
      throw HDF5Error(.corrupted("\(what): more bytes than the file has, which overlap"))
    }
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
    let file = try Handle(
      chdf5_open_image(bytes.baseAddress, bytes.count), closing: H5.Fclose,
      what: "not a readable HDF5 file; it may be truncated")
    let properties = try Handle(H5.Fget_create_plist(file.id), closing: H5.Pclose, what: "file properties")
    guard H5.Pget_userblock(properties.id, &userBlockByteCount) >= 0 else {
      throw HDF5Error(.corrupted("user block: \(HDF5Library.message())"))
    }
    let root = try Handle(
      H5.Gopen2(file.id, "/", chdf5_default_properties()), closing: H5.Gclose, what: "root group")
    let object = try describe(root.id)
    rootAddress = object.address
    let index = HDF5Index(root: try group(root.id, object, path: ""))
    if leavesFileOpen { file.leaveOpen() }
    return index
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
      return known.group
    }
    ancestors.insert(object.address)
    guard ancestors.count <= IndexBuilder.depthLimit else {
      throw HDF5Error(.unsupported("more than \(IndexBuilder.depthLimit) levels of groups"))
    }
    let countBefore = objectCount
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
      finished[object.address] = (group, objectCount - countBefore)
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
