import CHDF5

extension IndexBuilder {
  /// The index entry of a dataset. Ranges that do not lie in the file are refused here, once for all readers.
  mutating func dataset(
    _ id: hid_t, attributes: [String: HDF5Index.Attribute]
  ) throws(HDF5Error) -> HDF5Index.Dataset {
    let type = try Handle(H5.Dget_type(id), closing: H5.Tclose, what: "datatype")
    let space = try Handle(H5.Dget_space(id), closing: H5.Sclose, what: "dataspace")
    let element = element(type.id, attributes: attributes)
    var dataset = HDF5Index.Dataset(
      attributes: attributes, elementType: element.type, isBigEndian: element.isBigEndian,
      elementByteCount: element.byteCount, sizes: [], layout: .unallocated, fillValue: nil)
    guard let sizes = try sizes(of: space.id) else {
      dataset.elementType = .other("nothing: its dataspace is null")
      return dataset
    }
    dataset.sizes = sizes
    guard let byteCount = dataset.byteCount else { throw HDF5Error(.corrupted("its size overflows")) }
    if byteCount == 0 { return dataset }
    if case .other = element.type { return dataset }

    let offset = H5.Dget_offset(id)
    var status = H5D_SPACE_STATUS_ERROR
    guard H5.Dget_space_status(id, &status) >= 0 else {
      throw HDF5Error(.corrupted("allocation: \(HDF5Library.message())"))
    }
    if offset != chdf5_undefined_address(), status == H5D_SPACE_STATUS_ALLOCATED {
      dataset.layout = try contiguous(offset, stored: H5.Dget_storage_size(id), byteCount)
      return dataset
    }
    let properties = try Handle(H5.Dget_create_plist(id), closing: H5.Pclose, what: "creation properties")
    dataset.fillValue = try fillValue(properties.id, type.id, element.byteCount)
    switch H5.Pget_layout(properties.id) {
    case H5D_COMPACT: dataset.layout = try compact(id, type.id, byteCount)
    case H5D_CONTIGUOUS:
      let isExternal = H5.Pget_external_count(properties.id) != 0
      dataset.layout = isExternal ? .unsupported("its data is in another file") : .unallocated
    case H5D_CHUNKED:
      dataset.layout = try chunked(id, type.id, space.id, properties.id, sizes, element.byteCount)
    case H5D_VIRTUAL: dataset.layout = .unsupported("it is virtual: its data is in other datasets")
    default: throw HDF5Error(.corrupted("layout: \(HDF5Library.message())"))
    }
    return dataset
  }

  private func contiguous(
    _ offset: haddr_t, stored: hsize_t, _ byteCount: Int
  ) throws(HDF5Error) -> HDF5Index.Layout {
    guard let offset = Int(exactly: offset), let stored = Int(exactly: stored), stored >= byteCount,
      offset <= fileByteCount, byteCount <= fileByteCount - offset
    else { throw HDF5Error(.corrupted("its data of \(byteCount) bytes does not lie in the file")) }
    return .contiguous(offset: userBlockByteCount + offset, byteCount: byteCount)
  }

  /// Compact data is part of the object header, at most 64 KB, and has no address of its own.
  private func compact(_ id: hid_t, _ type: hid_t, _ byteCount: Int) throws(HDF5Error) -> HDF5Index.Layout {
    guard byteCount <= 1 << 16, H5.Dget_storage_size(id) == hsize_t(byteCount) else {
      throw HDF5Error(.corrupted("compact data of another size than its shape has"))
    }
    return .compact(try read(id, type, byteCount))
  }

  /// All bytes of a dataset, read by the library.
  private func read(_ id: hid_t, _ type: hid_t, _ byteCount: Int) throws(HDF5Error) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let all = chdf5_whole_dataspace()
    guard H5.Dread(id, type, all, all, chdf5_default_properties(), &bytes) >= 0 else {
      throw HDF5Error(.corrupted("data: \(HDF5Library.message())"))
    }
    return bytes
  }

  private func fillValue(_ properties: hid_t, _ type: hid_t, _ byteCount: Int) throws(HDF5Error) -> [UInt8]? {
    var defined = H5D_FILL_VALUE_ERROR
    guard H5.Pfill_value_defined(properties, &defined) >= 0 else {
      throw HDF5Error(.corrupted("fill value: \(HDF5Library.message())"))
    }
    guard defined == H5D_FILL_VALUE_USER_DEFINED else { return nil }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    guard H5.Pget_fill_value(properties, type, &bytes) >= 0 else {
      throw HDF5Error(.corrupted("fill value: \(HDF5Library.message())"))
    }
    return bytes.allSatisfy { $0 == 0 } ? nil : bytes
  }

  // MARK: - Chunks

  private mutating func chunked(
    _ id: hid_t, _ type: hid_t, _ space: hid_t, _ properties: hid_t, _ sizes: [Int], _ elementByteCount: Int
  ) throws(HDF5Error) -> HDF5Index.Layout {
    var filters: [HDF5Index.Filter] = []
    for number in 0..<max(0, H5.Pget_nfilters(properties)) {
      switch filter(UInt32(number), properties, elementByteCount) {
      case .success(let filter): filters.append(filter)
      case .failure(let unknown): return .unsupported(unknown.message)
      }
    }
    var extents = [hsize_t](repeating: 0, count: 32)
    let rank = Int(H5.Pget_chunk(properties, 32, &extents))
    guard rank == sizes.count, rank > 0 else { throw HDF5Error(.corrupted("chunks of another rank")) }
    let chunkSizes = extents[..<rank].map { Int(clamping: $0) }
    guard let chunkByteCount = Product.of(chunkSizes + [elementByteCount]), chunkByteCount > 0,
      chunkByteCount < 1 << 32
    else { throw HDF5Error(.corrupted("chunks of an impossible size")) }
    var options: UInt32 = 0
    guard H5.Pget_chunk_opts(properties, &options) >= 0 else {
      throw HDF5Error(.corrupted("chunk options: \(HDF5Library.message())"))
    }
    let count = try chunkCount(id, space)
    if count > IndexBuilder.askedChunkCount, chunkByteCount <= IndexBuilder.smallChunkByteCount,
      let byteCount = Product.of(sizes + [elementByteCount]), byteCount <= IndexBuilder.readLimit
    {
      try countRead(byteCount)
      return .compact(try read(id, type, byteCount))
    }
    let chunks = try chunks(id, space, rank, count: count)
    if chunks.isEmpty { return .unallocated }
    return .chunked(
      HDF5Index.Chunks(
        sizes: chunkSizes, filters: filters, leavesPartialChunksUnfiltered: options & 2 != 0, chunks: chunks))
  }

  private struct UnknownFilter: Error {
    var message: String
  }

  private func filter(
    _ number: UInt32, _ properties: hid_t, _ elementByteCount: Int
  ) -> Result<HDF5Index.Filter, UnknownFilter> {
    var (flags, configuration): (UInt32, UInt32) = (0, 0)
    var valueCount = 8
    var values = [UInt32](repeating: 0, count: 8)
    var name = [CChar](repeating: 0, count: 64)
    let id = H5.Pget_filter2(properties, number, &flags, &valueCount, &values, 63, &name, &configuration)
    switch id {
    case 1: return .success(.deflate)
    case 2:
      guard valueCount < 1 || values[0] == 0 || Int(values[0]) == elementByteCount else {
        return .failure(
          UnknownFilter(
            message: "its data was shuffled in elements of \(values[0]) bytes, not \(elementByteCount)"))
      }
      return .success(.shuffle(elementByteCount: elementByteCount))
    case 3: return .success(.fletcher32)
    default:
      let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let named = text.isEmpty ? "number \(id)" : "\"\(text)\" (number \(id))"
      return .failure(UnknownFilter(message: "its data went through the filter \(named)"))
    }
  }

  private static let chunkLimit: hsize_t = 1 << 20
  /// The library looks through all chunks to say where one is. Of more than these, where they are small, it reads the data,
  /// for which it looks each up once.
  private static let askedChunkCount: hsize_t = 2048
  private static let smallChunkByteCount = 1 << 20
  private static let readLimit = 32 << 20

  private func chunkCount(_ id: hid_t, _ space: hid_t) throws(HDF5Error) -> hsize_t {
    var count: hsize_t = 0
    guard H5.Dget_num_chunks(id, space, &count) >= 0 else {
      throw HDF5Error(.corrupted("chunks: \(HDF5Library.message())"))
    }
    guard count <= IndexBuilder.chunkLimit else { throw HDF5Error(.unsupported("too many chunks")) }
    return count
  }

  private mutating func chunks(
    _ id: hid_t, _ space: hid_t, _ rank: Int, count: hsize_t
  ) throws(HDF5Error) -> [HDF5Index.Chunk] {
    var chunks: [HDF5Index.Chunk] = []
    var origin = [hsize_t](repeating: 0, count: 33)
    var total = 0
    for number in 0..<count {
      var mask: UInt32 = 0
      var address: haddr_t = 0
      var size: hsize_t = 0
      guard H5.Dget_chunk_info(id, space, number, &origin, &mask, &address, &size) >= 0 else {
        throw HDF5Error(.corrupted("chunk \(number): \(HDF5Library.message())"))
      }
      guard address != chdf5_undefined_address() else { continue }
      guard let offset = Int(exactly: address), let byteCount = Int(exactly: size), offset <= fileByteCount,
        byteCount <= fileByteCount - offset
      else { throw HDF5Error(.corrupted("chunk \(number) does not lie in the file")) }
      // Chunks do not overlap, so together they are no larger than the file; that bounds what is unpacked.
      total += byteCount
      guard total <= fileByteCount else { throw HDF5Error(.corrupted("chunks that overlap")) }
      try self.count(bytes: byteCount, "chunk \(number)")
      let start = origin[..<rank].map { Int(clamping: $0) }
      chunks.append(
        HDF5Index.Chunk(
          origin: start, offset: userBlockByteCount + offset, byteCount: byteCount, skippedFilters: mask))
    }
    return chunks
  }
}
