/// Lays out a new HDF5 file: groups, attributes, and datasets that have their place but no values yet.
///
/// The metadata comes first, then the values in the order of the datasets, which the caller puts in their places. The
/// layout is the one that h5py writes unless it is asked for another, see ``PlainReader``. Written here rather than with
/// libhdf5 because that takes 20 ms for MobileNetV2's 262 weights and a file of its own on the way, this two.
package struct HDF5Writer: Sendable {
  /// A dataset to make, contiguous and little-endian.
  package struct Dataset: Sendable {
    package var path: String
    package var elementType: HDF5Index.ElementType
    package var sizes: [Int]

    package init(path: String, elementType: HDF5Index.ElementType, sizes: [Int]) {
      self.path = path
      self.elementType = elementType
      self.sizes = sizes
    }
  }

  /// The file without its values.
  package struct Layout {
    /// The file's first bytes.
    package let metadata: [UInt8]
    /// For each dataset the offset of its values, ascending; nil for one without elements.
    package let offsets: [Int?]
    /// The size of the whole file.
    package let byteCount: Int
  }

  /// Groups to make, each with string attributes, in order; those around them and around datasets are made too.
  package var groups: [(path: String, attributes: [(name: String, value: String)])] = []
  package var datasets: [Dataset] = []

  package init() {}

  /// Where everything goes.
  /// - Throws: ``HDF5Error``: an element type without a form, a size that overflows, a path that is taken.
  package func layout() throws(HDF5Error) -> Layout {
    var tree = WrittenTree()
    for group in groups {
      let node = try tree.node(at: group.path)
      tree.nodes[node].attributes += group.attributes
    }
    for (number, dataset) in datasets.enumerated() {
      let node = try tree.node(at: dataset.path)
      guard tree.nodes[node].isNew else {
        throw HDF5Error(.corrupted("dataset \"\(dataset.path)\": its path is taken"))
      }
      tree.nodes[node].dataset = number
    }
    var metadata = WrittenMetadata(datasets: datasets)
    try metadata.file(tree)
    return try finished(&metadata)
  }

  /// Gives every dataset its place behind the metadata.
  private func finished(_ metadata: inout WrittenMetadata) throws(HDF5Error) -> Layout {
    var end = metadata.bytes.count
    var offsets: [Int?] = []
    for (dataset, place) in zip(datasets, metadata.addressPlaces) {
      let byteCount = try dataset.byteCount()
      guard byteCount > 0 else {
        offsets.append(nil)
        continue
      }
      let (sum, overflow) = end.addingReportingOverflow(byteCount + 7)
      guard !overflow else { throw HDF5Error(.corrupted("dataset \"\(dataset.path)\": its size overflows")) }
      metadata.set(end, at: place)
      offsets.append(end)
      end = sum & ~7
    }
    metadata.set(end, at: WrittenMetadata.endPlace)
    return Layout(metadata: metadata.bytes, offsets: offsets, byteCount: end)
  }
}

extension HDF5Writer.Dataset {
  /// The size of its values.
  func byteCount() throws(HDF5Error) -> Int {
    let type = try WrittenType(elementType, "dataset \"\(path)\"")
    guard let byteCount = Product.of(sizes + [type.byteCount]), byteCount < Int.max - 8 else {
      throw HDF5Error(.corrupted("dataset \"\(path)\": its size overflows"))
    }
    return byteCount
  }
}

/// The groups and datasets of a file that is written, by number; the first is the root group.
struct WrittenTree {
  struct Node {
    var children: [String: Int] = [:]
    var attributes: [(name: String, value: String)] = []
    /// The dataset's number; nil for a group.
    var dataset: Int?

    var isNew: Bool { children.isEmpty && attributes.isEmpty && dataset == nil }
  }
  var nodes = [Node()]

  /// The node at a path, made if it is not there, with the groups around it.
  mutating func node(at path: String) throws(HDF5Error) -> Int {
    var place = 0
    for name in path.split(separator: "/") {
      guard nodes[place].dataset == nil else {
        throw HDF5Error(.corrupted("\"\(path)\": a dataset is where a group has to be"))
      }
      if let known = nodes[place].children[String(name)] {
        place = known
      } else {
        nodes[place].children[String(name)] = nodes.count
        place = nodes.count
        nodes.append(Node())
      }
    }
    return place
  }
}
