import CHDF5

/// Where links lead. Soft links are followed one link at a time rather than by the library, which would open other files
/// on the way when an external link is part of a path.
extension IndexBuilder {
  /// As many as the library follows.
  private static let softLinkDepth = 16

  /// The address of the object that a link of a group leads to.
  /// - Throws: ``HDF5Error`` for links out of the file and soft links without end or object.
  mutating func address(of link: Link, in group: hid_t, depth: Int = 0) throws(HDF5Error) -> UInt64 {
    switch link.kind {
    case 0: return link.value
    case 1: return try address(ofSoft: link, in: group, depth: depth)
    case 2: throw HDF5Error(.unsupported("external links are not followed"))
    default: throw HDF5Error(.unsupported("user-defined links are not followed"))
    }
  }

  private mutating func address(
    ofSoft link: Link, in group: hid_t, depth: Int
  ) throws(HDF5Error) -> UInt64 {
    guard depth < IndexBuilder.softLinkDepth else {
      throw HDF5Error(.corrupted("soft links that lead round in a circle, or through too many others"))
    }
    let path = try target(of: link, in: group)
    let dangling = HDF5Error(.corrupted("a soft link that leads to nothing: \"\(path)\""))
    var address = path.hasPrefix("/") ? rootAddress : try describe(group).address
    for name in path.split(separator: "/") where name != "." {
      // A path may go round in cycles of groups.
      try count(1)
      let parent = try Handle(
        H5.Oopen_by_addr(group, address), closing: H5.Oclose, what: "what a soft link leads through")
      guard try describe(parent.id).kind == 0 else { throw dangling }
      var next = Link(name: String(name), kind: 0, value: 0)
      guard chdf5_link(parent.id, next.name, &next.kind, &next.value) >= 0 else { throw dangling }
      address = try self.address(of: next, in: parent.id, depth: depth + 1)
    }
    return address
  }

  /// The path that a soft link holds.
  private mutating func target(of link: Link, in group: hid_t) throws(HDF5Error) -> String {
    let damaged = HDF5Error(.corrupted("a soft link whose path cannot be read"))
    guard let capacity = Int(exactly: link.value), 1...fileByteCount ~= capacity else { throw damaged }
    try count(bytes: capacity, "soft links")
    // One more than what is read, so that the text has an end.
    var text = [CChar](repeating: 0, count: capacity + 1)
    guard H5.Lget_val(group, link.name, &text, capacity, chdf5_default_properties()) >= 0,
      let path = text.withUnsafeBufferPointer({ $0.baseAddress.flatMap { String(validatingCString: $0) } }),
      !path.isEmpty
    else { throw damaged }
    return path
  }
}
