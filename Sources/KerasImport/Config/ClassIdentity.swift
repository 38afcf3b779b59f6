package import NativeFormat

/// Whose class a serialised layer is of: told by its module, its class name and its registered name together.
///
/// Keras 3 and the archives of tf.keras 2.12 on write all three; earlier files have the class name alone, with the package
/// in front when the class was registered (`mine>Gate`). Source: `serialize_keras_object` of
/// `keras/src/saving/serialization_lib.py`.
package struct ClassIdentity: Hashable, Sendable {
  /// The class as the file names it.
  package let className: String
  /// The name under which it was registered, `mine>Gate`; nil when the file has none.
  package let registeredName: String?
  /// The module, `keras_hub.src.layers.modeling`; nil when the file has none.
  package let module: String?
  /// True for a class of Keras's own, false for one of another package under whatever name.
  package let isOfKeras: Bool

  package init(_ serialized: JSONObject) {
    // A layer without a class is refused where it is read.
    className = serialized["class_name"]?.string ?? ""
    registeredName = serialized["registered_name"]?.string
    module = serialized["module"]?.string
    isOfKeras = ClassIdentity.isOfKeras(serialized, className: className, registeredName: registeredName)
  }

  /// The names under which the class may be known, the most exact first.
  package var names: [String] {
    let known = [registeredName, className].compactMap { $0 }
    guard className.isInPackage else { return known + [className] }
    return known + [className.split(separator: ">").last.map(String.init) ?? className]
  }

  /// The name with what tells it from others: the registered name, or the module before the class name.
  package var fullName: String {
    if let registeredName, registeredName.isInPackage { return registeredName }
    return [module, className].compactMap { $0 }.joined(separator: ".")
  }

  private static func isOfKeras(
    _ serialized: JSONObject, className: String, registeredName: String?
  ) -> Bool {
    if className.isInPackage { return className.hasPrefix("keras>") }
    if let registeredName, registeredName.isInPackage { return registeredName.hasPrefix("keras>") }
    switch serialized["module"] {
    case nil: return true
    case .string(let module)?:
      let root = module.utf8.prefix { $0 != UInt8(ascii: ".") }
      return ClassIdentity.roots.contains(String(Substring(root)))
        || module.hasPrefix("tensorflow.python.keras")
        || module.hasPrefix("tensorflow.keras")
    // Keras leaves the module out for classes that were registered.
    case .some: return registeredName == nil
    }
  }

  /// The first component of Keras's modules, and of those that canonical form adds.
  private static let roots: Set<String> = ["keras", "tf_keras", "keras_core", "kconvert", "builtins"]
}

extension String {
  /// Whether a class's name has that of a package in front, `mine>Gate`. Bytes are looked at: this is asked of every layer.
  var isInPackage: Bool { utf8.contains(UInt8(ascii: ">")) }
}
