import KerasImport
import ModelIR
import NativeRuntime
import Testing

/// What is said of a Lambda as an expression, over `x = [[1, 4], [-2, 0.5]]`.
@Suite struct ExpressionTests {
  private static func values(of expression: String) throws -> [Double] {
    let text = """
      {"class_name": "Functional", "module": "keras", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "module": "keras.layers", "name": "x", "inbound_nodes": [],
         "config": {"batch_shape": [2, 2], "name": "x"}},
        {"class_name": "Lambda", "module": "keras.layers", "name": "f", "config": {"name": "f"},
         "inbound_nodes": [{"kwargs": {}, "args": [{"class_name": "__keras_tensor__", "config": {
          "shape": [2, 2], "dtype": "float32", "keras_history": ["x", 0, 0]}}]}]}],
        "input_layers": [["x", 0, 0]], "output_layers": [["f", 0, 0]]}}
      """
    var options = KerasModel.Options()
    options.layers.define(lambda: "f", as: try LayerExpression(expression))
    let model = try KerasModel(bytes: Array(text.utf8), options: options)
    let x = try Tensor([1, 4, -2, 0.5] as [Float], sizes: [2, 2])
    return try Session(model).run(["x": x])[0].value.doubles()
  }

  @Test(
    arguments: [
      ("lambda t: t / 2", [0.5, 2, -1, 0.25]), ("K.sum(x, axis=-1)", [5, -1.5]),
      ("tf.reduce_max(x, axis=0)", [1, 4]), ("x[:, 0:1] * 2 ** 3", [8, -16]),
      ("tf.math.l2_normalize(x * [[3, 1], [1, 0]], axis=1)", [0.6, 0.8, -1, 0]),
      ("where(x > 0, x, 0)", [1, 4, 0, 0.5]), ("x - tf.reduce_mean(x, 0)", [1.5, 1.75, -1.5, -1.75]),
    ] as [(String, [Double])])
  func `an expression gives its numbers`(_ expression: String, _ wanted: [Double]) throws {
    let found = try ExpressionTests.values(of: expression)
    #expect(found.count == wanted.count)
    #expect(zip(found, wanted).allSatisfy { abs($0 - $1) < 1e-6 }, "\(found)")
  }

  @Test(arguments: [
    ("x +", "expected an operand, found the end at character 4"),
    ("2 * x if 1 else x", "expected the end of the expression, found \"if\" at character 7"),
    ("mean(x, axis=1", "expected \",\", found the end at character 15"),
    ("x / $y", "expected an expression, found \"$\" at character 5"),
    ("x * factor", "expected one of False, None, True, x, found \"factor\" at character 5"),
    (
      "1 - meen(x)", "expected a function of keras.ops, found \"meen\" at character 5; did you mean \"mean\"?"
    ),
    ("l2_normalize(x)", "expected an axis of l2_normalize, found none at character 1"),
    ("[x, x] / 2", "expected a tensor beside \"/\", found a list of 2: pick one, as x[0]"),
    ("[x, x][2]", "expected an index below 2, the number of inputs, found 2"),
  ])
  func `what is no expression is told with its place`(_ expression: String, _ text: String) {
    let error = #expect(throws: KerasImportError.self) { try ExpressionTests.values(of: expression) }
    #expect("\(error.map { "\($0)" } ?? "")".contains(text), "\(error.map { "\($0)" } ?? "")")
  }
}
