// Made by `KCONVERT_RECORD=1 swift test --filter CoverageTests`: the ONNX operators that the cases' layers and
// operations were written with.

/// The operators by the names of layers and operations, separated by spaces; empty for what needs none.
enum WrittenOperators {
  static let byName: [String: String] = [
    "InputLayer": "",
  ]
}
