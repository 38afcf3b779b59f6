/// One axis of ``Op/slice(_:)``, with Python's meaning of `start:stop:step`.
///
/// Negative bounds count from the end; bounds out of range are clamped; nil is Python's `None`.
public struct SliceRange: Hashable, Sendable {
  /// The axis, counted from 0.
  public var axis: Int
  /// The first element.
  public var start: Int?
  /// The element behind the last.
  public var stop: Int?
  /// Not 0.
  public var step: Int
  /// All attributes.
  public init(axis: Int, start: Int?, stop: Int?, step: Int = 1) {
    self.axis = axis
    self.start = start
    self.stop = stop
    self.step = step
  }
}

/// Attributes of ``Op/pad(_:)``: one pair per axis of the operand, none negative.
public struct PadAttributes: Hashable, Sendable {
  /// What the added elements are. More may come: switch over it with a `default`.
  public enum Mode: Hashable, Sendable {
    /// One value (ONNX `constant`).
    case constant(Double)
    /// The data mirrored, the edge element not repeated (ONNX `reflect`).
    case reflect
    /// The data mirrored, the edge element repeated (NumPy `symmetric`).
    case symmetric
    /// The edge element (ONNX `edge`).
    case edge
  }
  /// Elements added along each axis; taken away from a transposed convolution's result.
  public var pads: [PadPair]
  /// What the added elements are.
  public var mode: Mode
  /// All attributes.
  public init(pads: [PadPair], mode: Mode) {
    self.pads = pads
    self.mode = mode
  }
}
