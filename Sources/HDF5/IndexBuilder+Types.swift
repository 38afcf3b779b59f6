import CHDF5

extension IndexBuilder {
  /// An element type as the index gives it.
  struct ElementDescription {
    var type: HDF5Index.ElementType
    var isBigEndian = false
    var byteCount: Int
  }

  /// The sizes of a dataspace; nil if it is the null dataspace, which has no elements at all.
  func sizes(of space: hid_t) throws(HDF5Error) -> [Int]? {
    switch H5.Sget_simple_extent_type(space) {
    case H5S_SCALAR: return []
    case H5S_SIMPLE: break
    default: return nil
    }
    let rank = Int(H5.Sget_simple_extent_ndims(space))
    guard (0...32).contains(rank) else { throw HDF5Error(.corrupted("dataspace: \(HDF5Library.message())")) }
    var extents = [hsize_t](repeating: 0, count: rank)
    guard Int(H5.Sget_simple_extent_dims(space, &extents, nil)) == rank else {
      throw HDF5Error(.corrupted("dataspace: \(HDF5Library.message())"))
    }
    var sizes: [Int] = []
    for extent in extents {
      guard let size = Int(exactly: extent) else { throw HDF5Error(.corrupted("a size beyond 2^63")) }
      sizes.append(size)
    }
    return sizes
  }

  func element(_ type: hid_t, attributes: [String: HDF5Index.Attribute]) -> ElementDescription {
    let byteCount = H5.Tget_size(type)
    let isBigEndian = H5.Tget_order(type) == H5T_ORDER_BE
    let elementType: HDF5Index.ElementType
    switch H5.Tget_class(type) {
    case H5T_FLOAT: elementType = float(type, byteCount)
    case H5T_INTEGER: elementType = integer(type, byteCount)
    case H5T_ENUM: elementType = enumeration(type, byteCount)
    case H5T_OPAQUE: elementType = opaque(byteCount, attributes)
    case H5T_STRING: elementType = .other("strings")
    case H5T_COMPOUND: elementType = .other("compounds")
    case H5T_REFERENCE: elementType = .other("references")
    case H5T_VLEN: elementType = .other("lists of variable length")
    case H5T_ARRAY: elementType = .other("arrays")
    default: elementType = .other("elements of a kind that is not known")
    }
    return ElementDescription(
      type: elementType, isBigEndian: isBigEndian && byteCount > 1, byteCount: byteCount)
  }

  private func isPlain(_ type: hid_t, _ byteCount: Int) -> Bool {
    let order = H5.Tget_order(type)
    guard order == H5T_ORDER_LE || order == H5T_ORDER_BE else { return false }
    return H5.Tget_precision(type) == byteCount * 8 && H5.Tget_offset(type) == 0
  }

  private func float(_ type: hid_t, _ byteCount: Int) -> HDF5Index.ElementType {
    let other = HDF5Index.ElementType.other(
      "floating-point numbers of \(byteCount) bytes in a format of their own")
    var (sign, exponent, exponentSize, mantissa, mantissaSize) = (0, 0, 0, 0, 0)
    guard isPlain(type, byteCount), H5.Tget_norm(type) == H5T_NORM_IMPLIED,
      H5.Tget_fields(type, &sign, &exponent, &exponentSize, &mantissa, &mantissaSize) >= 0,
      sign == byteCount * 8 - 1, mantissa == 0, exponent == mantissaSize,
      exponentSize + mantissaSize == sign, exponentSize > 0,
      exponentSize < 16, H5.Tget_ebias(type) == 1 << (exponentSize - 1) - 1
    else { return other }
    switch (byteCount, exponentSize) {
    case (2, 5): return .float16
    case (2, 8): return .bfloat16
    case (4, 8): return .float32
    case (8, 11): return .float64
    default: return other
    }
  }

  private func integer(_ type: hid_t, _ byteCount: Int) -> HDF5Index.ElementType {
    let isSigned = H5.Tget_sign(type) != H5T_SGN_NONE
    guard isPlain(type, byteCount) else { return .other("integers of \(byteCount) bytes with unused bits") }
    switch byteCount {
    case 1: return isSigned ? .int8 : .uint8
    case 2: return isSigned ? .int16 : .uint16
    case 4: return isSigned ? .int32 : .uint32
    case 8: return isSigned ? .int64 : .uint64
    default: return .other("integers of \(byteCount) bytes")
    }
  }

  private func enumeration(_ type: hid_t, _ byteCount: Int) -> HDF5Index.ElementType {
    let other = HDF5Index.ElementType.other("an enumeration")
    var (no, yes): (Int8, Int8) = (-1, -1)
    guard byteCount == 1, H5.Tget_nmembers(type) == 2, H5.Tenum_valueof(type, "FALSE", &no) >= 0,
      H5.Tenum_valueof(type, "TRUE", &yes) >= 0, no == 0, yes == 1
    else { return other }
    return .bool
  }

  private func opaque(
    _ byteCount: Int, _ attributes: [String: HDF5Index.Attribute]
  ) -> HDF5Index.ElementType {
    let name = attributes["dtype"]?.string
    // Archives of tf.keras leave the attribute out; no other element of two bytes is opaque to NumPy.
    if byteCount == 2, name == "bfloat16" || name == nil { return .bfloat16 }
    if let name { return .other("elements of the type \"\(name)\"") }
    return .other("opaque elements of \(byteCount) bytes")
  }
}
