import CHDF5

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Lays out a new HDF5 file with libhdf5: groups, attributes, and datasets that have their place but no values yet.
///
/// The values are written by the caller at the offsets returned, in any order and in pieces, so that no data passes
/// through the library and memory does not grow with it.
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

  /// Groups to make, each with string attributes, in order; those around them and around datasets are made too.
  package var groups: [(path: String, attributes: [(name: String, value: String)])] = []
  package var datasets: [Dataset] = []

  package init() {}

  /// Loads the library, so that who writes later need not wait for it.
  package static func prepare() {
    HDF5Library.guarded { _ = HDF5Library.problem }  // Told who writes.
  }

  /// Writes the file, replacing one that is there.
  /// - Parameter didOpen: called when the file needs its name no longer.
  /// - Returns: for each dataset the offset of its values; nil for one without elements.
  /// - Throws: what the library says.
  package func write(to path: String, didOpen: () -> Void = {}) throws(HDF5Error) -> [Int?] {
    try HDF5Library.locked { () throws(HDF5Error) in try writeLocked(path, didOpen) }
  }

  private func writeLocked(_ path: String, _ didOpen: () -> Void) throws(HDF5Error) -> [Int?] {
    let file = try Handle(chdf5_create_file(path), closing: H5.Fclose, what: "the file cannot be created")
    didOpen()
    let link = try Handle(chdf5_link_properties(), closing: H5.Pclose, what: "properties")
    let undated = try Handle(chdf5_group_properties(), closing: H5.Pclose, what: "properties")
    for group in groups {
      let handle = try Handle(
        H5.Gcreate2(file.id, group.path, link.id, undated.id, chdf5_default_properties()),
        closing: H5.Gclose, what: "group \"\(group.path)\"")
      for attribute in group.attributes {
        try check(
          chdf5_write_string(handle.id, attribute.name, attribute.value), "attribute \"\(attribute.name)\"")
      }
    }
    let early = try Handle(chdf5_early_properties(), closing: H5.Pclose, what: "properties")
    var offsets: [Int?] = []
    for dataset in datasets { offsets.append(try make(dataset, file.id, link.id, early.id)) }
    try check(H5.Fflush(file.id, H5F_SCOPE_GLOBAL), "the file cannot be written")
    return offsets
  }

  private func make(_ dataset: Dataset, _ file: hid_t, _ link: hid_t, _ early: hid_t) throws(HDF5Error)
    -> Int?
  {
    let what = "dataset \"\(dataset.path)\""
    let type = try HDF5Writer.type(dataset.elementType, what)
    let sizes = dataset.sizes.map { hsize_t($0) }
    let space = try Handle(
      sizes.isEmpty ? H5.Screate(H5S_SCALAR) : H5.Screate_simple(Int32(sizes.count), sizes, nil),
      closing: H5.Sclose,
      what: what)
    let handle = try Handle(
      H5.Dcreate2(file, dataset.path, type.id, space.id, link, early, chdf5_default_properties()),
      closing: H5.Dclose,
      what: what)
    if dataset.elementType == .bfloat16 {
      try check(chdf5_write_string(handle.id, "dtype", "bfloat16"), what)
    }
    if dataset.sizes.contains(0) { return nil }
    let offset = H5.Dget_offset(handle.id)
    guard offset != chdf5_undefined_address(), let place = Int(exactly: offset) else {
      throw HDF5Error(.corrupted("\(what) has no place in the file"))
    }
    return place
  }

  private func check(_ status: herr_t, _ what: String) throws(HDF5Error) {
    let code = errno
    guard status < 0 else { return }
    // Of a full disk the library tells the time and the name of the file before it has one.
    let isOfDisk = [ENOSPC, EFBIG, EDQUOT, EIO].contains(code)
    throw HDF5Error(
      .corrupted(isOfDisk ? String(cString: strerror(code)) : "\(what): \(HDF5Library.message())"))
  }

  /// A datatype; predefined ones are copied so that every one can be closed.
  private static func type(_ type: HDF5Index.ElementType, _ what: String) throws(HDF5Error) -> Handle {
    let id: hid_t
    switch type {
    case .float16: id = chdf5_float16()
    case .bfloat16: id = chdf5_opaque(2)
    case .float32: id = H5.Tcopy(H5.T_IEEE_F32LE)
    case .float64: id = H5.Tcopy(H5.T_IEEE_F64LE)
    case .int8: id = H5.Tcopy(H5.T_STD_I8LE)
    case .uint8: id = H5.Tcopy(H5.T_STD_U8LE)
    case .int16: id = H5.Tcopy(H5.T_STD_I16LE)
    case .uint16: id = H5.Tcopy(H5.T_STD_U16LE)
    case .int32: id = H5.Tcopy(H5.T_STD_I32LE)
    case .uint32: id = H5.Tcopy(H5.T_STD_U32LE)
    case .int64: id = H5.Tcopy(H5.T_STD_I64LE)
    case .uint64: id = H5.Tcopy(H5.T_STD_U64LE)
    case .bool: id = chdf5_bool()
    case .other(let words): throw HDF5Error(.unsupported("\(what): elements of \(words)"))
    }
    return try Handle(id, closing: H5.Tclose, what: what)
  }
}
