public import ModelIR

/// What a model gives: tensors by name and in the model's order.
public struct Outputs: Sendable {
  private let tensors: [(name: String, value: Tensor)]

  init(_ tensors: [(name: String, value: Tensor)]) { self.tensors = tensors }

  /// The tensor of a name; nil if the model has no such output.
  public subscript(name: String) -> Tensor? { tensors.first { $0.name == name }?.value }
}

extension Outputs: CustomStringConvertible {
  /// `dense: float32[1, 10]`, one line for each output.
  public var description: String { map { "\($0.name): \($0.value)" }.joined(separator: "\n") }
}

extension Outputs: RandomAccessCollection {
  /// 0
  public var startIndex: Int { 0 }
  /// The number of outputs.
  public var endIndex: Int { tensors.count }
  /// An output with its name, by its place in the model's order.
  /// - Precondition: `position` is in `0..<count`.
  public subscript(position: Int) -> (name: String, value: Tensor) { tensors[position] }
}
