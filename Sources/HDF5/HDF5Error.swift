/// Why an HDF5 file cannot be indexed, and at which object.
package struct HDF5Error: Error, Hashable, Sendable {
  /// What is wrong.
  package enum Reason: Hashable, Sendable {
    /// The file breaks the rules of the format, or ends too early.
    case corrupted(String)
    /// The file is valid, but uses something that is not read.
    case unsupported(String)
  }

  package var reason: Reason
  /// The object's path; empty for the file as a whole.
  package var object: String

  package init(_ reason: Reason, object: String = "") {
    self.reason = reason
    self.object = object
  }
}

extension HDF5Error: CustomStringConvertible {
  package var description: String {
    let place = object.isEmpty ? "" : "HDF5 object \"\(object)\": "
    switch reason {
    case .corrupted(let message), .unsupported(let message): return place + message
    }
  }
}
