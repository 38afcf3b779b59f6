public import ModelIR

/// Why a model could not be run. More may come: switch over it with a `default`.
public enum RuntimeError: Error, Sendable, CustomStringConvertible {
  /// The model has no input of this name; `nearest` is what may have been meant, `inputs` are those it has.
  case noSuchInput(String, nearest: String?, inputs: [String])
  /// The model has an input that it was not given.
  case missingInput(String)
  /// An input is of another type than the model's, or of sizes that it cannot take: beyond what the type says, an axis of
  /// one name has one size.
  case inputType(String, expected: TensorType, found: TensorType)
  /// An input's elements cannot be read.
  case unreadableInput(String, message: String)
  /// An operation failed on this data: an index out of range, a size beyond memory.
  case operation(node: String, message: String)
  /// The reference kernels cannot do this.
  case unsupported(node: String, message: String)

  /// One line with the node, or with the input's name.
  public var description: String {
    switch self {
    case .noSuchInput(let name, let nearest, let inputs):
      "there is no input \"\(name)\"; "
        + (nearest.map { "did you mean \"\($0)\"?" } ?? "the inputs are \(inputs)")
    case .missingInput(let name): "input \"\(name)\" is missing"
    case .inputType(let name, let expected, let found):
      "input \"\(name)\": \(RuntimeError.difference(expected, found))"
    case .unreadableInput(let name, let message): "input \"\(name)\": \(message)"
    case .operation(let node, let message), .unsupported(let node, let message):
      "node \"\(node)\": \(message)"
    }
  }

  /// The first thing in which two types differ.
  private static func difference(_ expected: TensorType, _ found: TensorType) -> String {
    if expected.dtype != found.dtype {
      return "expected type \(expected.dtype.rawValue), found \(found.dtype.rawValue)"
    }
    let axes = zip(expected.shape.dimensions, found.shape.dimensions).enumerated()
    guard expected.shape.rank == found.shape.rank,
      let (axis, sizes) = axes.first(where: { _, sizes in sizes.0.fixedSize != nil && sizes.0 != sizes.1 })
    else { return "expected shape \(expected.shape), found \(found.shape)" }
    return "expected \(sizes.0) elements along axis \(axis), found \(sizes.1)"
  }
}

/// What a kernel throws; the executor adds the node.
struct KernelError: Error {
  let message: String
  init(_ message: String) { self.message = message }
}
