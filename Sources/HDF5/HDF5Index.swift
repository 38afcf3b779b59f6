import CHDF5

/// What an HDF5 file holds and where its bytes are: a plain value that outlives the file and needs no library.
///
/// Data is not in the index, except that of compact datasets, which the format keeps among its metadata, and of datasets in
/// thousands of small chunks.
package struct HDF5Index: Hashable, Sendable {
  package var root: Group

  package init(root: Group) { self.root = root }

  /// A group: named groups and datasets, and attributes.
  package struct Group: Hashable, Sendable {
    package var attributes: [String: Attribute] = [:]
    package var groups: [String: Group] = [:]
    package var datasets: [String: Dataset] = [:]

    package init() {}

    /// Adds what another part of the same group holds.
    mutating func formUnion(_ other: Group) {
      attributes.merge(other.attributes) { own, _ in own }
      datasets.merge(other.datasets) { own, _ in own }
      for (name, group) in other.groups {
        if groups[name]?.formUnion(group) == nil { groups[name] = group }
      }
    }

    /// The names of groups and datasets in the order of their bytes, which is HDF5's.
    package var names: [String] {
      (Array(groups.keys) + Array(datasets.keys)).sorted { HDF5Index.Group.precedes($0, $1) }
    }

    /// The order of the bytes of two names, compared where they lie: a group may hold thousands.
    private static func precedes(_ a: String, _ b: String) -> Bool {
      let order = a.utf8.withContiguousStorageIfAvailable { a in
        b.utf8.withContiguousStorageIfAvailable { b in
          guard let first = a.baseAddress, let second = b.baseAddress else { return a.count < b.count }
          let common = memcmp(first, second, min(a.count, b.count))
          return common == 0 ? a.count < b.count : common < 0
        }
      }
      return (order ?? nil) ?? a.utf8.lexicographicallyPrecedes(b.utf8)
    }
  }

  /// The value of an attribute.
  package enum Attribute: Hashable, Sendable {
    case strings([String], sizes: [Int])
    /// Integers and booleans; unsigned ones beyond 2^63 are clamped.
    case integers([Int], sizes: [Int])
    case numbers([Double], sizes: [Int])
    /// A type that Keras does not write.
    case other(String)
  }

  /// A dataset: the type and shape of an array, and where its bytes are.
  package struct Dataset: Hashable, Sendable {
    package var attributes: [String: Attribute] = [:]
    package var elementType: ElementType
    /// Whether numbers have their most significant byte first.
    package var isBigEndian: Bool
    /// The size of one element in bytes.
    package var elementByteCount: Int
    /// The sizes of the axes; empty for a scalar.
    package var sizes: [Int]
    package var layout: Layout
    /// The bytes of the element that parts never written consist of; nil means zeros.
    package var fillValue: [UInt8]?
  }

  /// The type of a dataset's elements.
  package enum ElementType: Hashable, Sendable {
    case float16, bfloat16, float32, float64
    case int8, uint8, int16, uint16, int32, uint32, int64, uint64
    /// h5py's booleans: an enumeration of FALSE and TRUE over one byte.
    case bool
    /// A type that is not read, in words.
    case other(String)
  }

  /// Where the bytes of a dataset are.
  package enum Layout: Hashable, Sendable {
    /// One range of the file.
    case contiguous(offset: Int, byteCount: Int)
    /// In the index itself.
    case compact([UInt8])
    case chunked(Chunks)
    /// Nothing has been written; all elements have the fill value.
    case unallocated
    /// Bytes that are not read, in words: in another file, behind a filter that is not known.
    case unsupported(String)
  }

  /// The pieces of a chunked dataset.
  package struct Chunks: Hashable, Sendable {
    /// The sizes of one chunk.
    package var sizes: [Int]
    /// What was done to each chunk when it was written, in that order.
    package var filters: [Filter]
    /// Chunks that reach over the edge of the dataset did not go through the filters.
    package var leavesPartialChunksUnfiltered: Bool
    package var chunks: [Chunk]
  }

  /// One piece of a chunked dataset.
  package struct Chunk: Hashable, Sendable {
    /// The first element's index along each axis.
    package var origin: [Int]
    package var offset: Int
    package var byteCount: Int
    /// Bit `i` says that filter `i` was left out for this chunk.
    package var skippedFilters: UInt32
  }

  /// What was done to a chunk when it was written.
  package enum Filter: Hashable, Sendable {
    case deflate
    /// The first bytes of all elements, then the second bytes, and so on.
    case shuffle(elementByteCount: Int)
    /// A checksum of four bytes at the end.
    case fletcher32
  }
}

// MARK: - Looking up

extension HDF5Index.Group {
  /// The group at a path of names separated by `/`, from here; the empty path is this group.
  package func group(at path: String) -> HDF5Index.Group? {
    var group = self
    for name in path.split(separator: "/") {
      guard let next = group.groups[String(name)] else { return nil }
      group = next
    }
    return group
  }

  /// The dataset at a path of names separated by `/`, from here.
  package func dataset(at path: String) -> HDF5Index.Dataset? {
    guard let slash = path.lastIndex(of: "/") else { return datasets[path] }
    return group(at: String(path[..<slash]))?.datasets[String(path[path.index(after: slash)...])]
  }
}

extension HDF5Index.Attribute {
  /// The text of a scalar string or of an array of one string.
  package var string: String? {
    if case .strings(let strings, _) = self, strings.count == 1 { strings[0] } else { nil }
  }

  /// The strings of an array. An array without elements is an empty list whatever its type, as h5py writes empty
  /// lists of names as float64.
  package var strings: [String]? {
    switch self {
    case .strings(let strings, _): strings
    case .integers(let values, _): values.isEmpty ? [] : nil
    case .numbers(let values, _): values.isEmpty ? [] : nil
    case .other: nil
    }
  }

  /// The value of an integer scalar.
  package var int: Int? {
    if case .integers(let values, _) = self, values.count == 1 { values[0] } else { nil }
  }
}

extension HDF5Index.Dataset {
  /// The number of elements; nil if it does not fit.
  package var elementCount: Int? { Product.of(sizes) }

  /// The number of bytes of all elements; nil if it does not fit.
  package var byteCount: Int? { Product.of(sizes + [elementByteCount]) }
}

/// Products of sizes from a file.
package enum Product {
  /// The product of the numbers; nil if one is negative or the product does not fit.
  package static func of(_ numbers: [Int]) -> Int? {
    if numbers.contains(0) { return numbers.contains { $0 < 0 } ? nil : 0 }
    var product = 1
    for number in numbers {
      let (next, overflow) = product.multipliedReportingOverflow(by: number)
      guard !overflow, number > 0 else { return nil }
      product = next
    }
    return product
  }
}
