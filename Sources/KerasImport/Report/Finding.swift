/// What is found in a model that can be read, in words.
package enum Finding {
  /// Values that are NaN or infinite.
  /// - Parameter what: `weight`, `output`.
  package static func notFinite(_ what: String, _ name: String, count: Int) -> String {
    "\(what) \"\(name)\" has \(count) \(count == 1 ? "value that is" : "values that are") not finite"
  }
}
