import Foundation
import KerasImport
import NativeFormat
import Testing

/// What a configuration can ask for and kconvert does not do is refused by name, with the key or argument.
@Suite struct RefusalTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let json: String
    let message: String
    var testDescription: String { message }
  }

  static let layers = [
    Row(
      json:
        #"{"class_name": "TextVectorization", "config": {"vocabulary": ["a"], "output_mode": "int", "ragged": true}}"#,
      message: "ragged results"),
    Row(
      json:
        #"{"class_name": "IntegerLookup", "config": {"vocabulary": [1], "invert": true, "output_mode": "count"}}"#,
      message: #""output_mode": expected "int" with invert, found "count""#),
    Row(
      json:
        #"{"class_name": "TextVectorization", "config": {"vocabulary": ["a"], "split": {"class_name": "function"}}}"#,
      message: #"split {"class_name":"function"}, which is not one of Keras's own"#),
    Row(
      json: #"{"class_name": "Resizing", "config": {"height": 2, "width": 2, "fill_mode": "reflect"}}"#,
      message: #""fill_mode": expected "constant", found "reflect""#),
    Row(
      json: #"{"class_name": "Resizing", "config": {"height": 2, "width": 2, "interpolation": "spline"}}"#,
      message: #""interpolation": expected one of "#),
    Row(
      json: #"{"class_name": "Discretization", "config": {"bin_boundaries": [2.0, 1.0]}}"#,
      message: #""bin_boundaries": expected ascending numbers, found others"#),
    Row(
      json: #"{"class_name": "Hashing", "config": {"num_bins": 3, "salt": [1, 2, 3]}}"#,
      message: #""salt": expected one or two integers, found [1, 2, 3]"#),
    Row(
      json:
        #"{"class_name": "LocallyConnected1D", "config": {"filters": 2, "kernel_size": 3, "padding": "same"}}"#,
      message: #""padding": expected "valid", found "same""#),
    Row(
      json: #"{"class_name": "MaxoutDense", "config": {"units": 2, "nb_feature": 0}}"#,
      message: #""nb_feature": expected a positive integer, found 0"#),
    Row(
      json: #"{"class_name": "InputLayer", "config": {"batch_shape": [null, 4], "dtype": "complex64"}}"#,
      message: #""dtype": expected a dtype policy, found "complex64""#),
    Row(
      json:
        #"{"class_name": "InputLayer", "config": {"batch_shape": [null, 4], "dtype": "int8_from_float32"}}"#,
      message: #""dtype": expected an element type, found "int8_from_float32""#),
    Row(
      json:
        #"{"class_name": "Dense", "config": {"units": 2, "dtype": {"class_name": "QuantizedDTypePolicy", "config": {}}}}"#,
      message: #""dtype": expected a quantization mode, found {}"#),
    Row(
      json: #"{"class_name": "Dense", "config": {"units": 2, "dtype": "int4/many_from_float32"}}"#,
      message: #"quantization mode "int4/many""#),
  ]

  @Test(arguments: layers)
  func `layers refuse by key`(_ row: Row) throws {
    #expect(throws: KerasImportError.self) {
      do {
        _ = try LayerObject(serialized: JSONValue(parsing: row.json), registry: .standard)
      } catch let error as KerasImportError {
        #expect("\(error)".contains(row.message))
        throw error
      }
    }
  }

  static let functions = [
    Row(
      json: #""einsum"}, "inbound_nodes": [["_CONSTANT_VALUE", -1, "ab,ac->bc", {}]]"#,
      message: "einsum whose operands Keras did not save"),
    Row(
      json: #""__operators__.eq"}, "inbound_nodes": [["x", 0, 0, {}]]"#,
      message: "a comparison whose operand Keras did not save"),
    Row(
      json: #""nn.dropout"}, "inbound_nodes": [["x", 0, 0, {"rate": 0.5}]]"#,
      message: "nn.dropout, which is random at inference too"),
    Row(
      json: #""reshape"}, "inbound_nodes": [["x", 0, 0, {"shape": ["x", 0, 0]}]]"#,
      message: #""shape" that depends on the data"#),
    Row(
      json: #""pad"}, "inbound_nodes": [["x", 0, 0, {"paddings": [[0, 0], [1, 1]], "mode": "WRAP"}]]"#,
      message: #"padding mode "WRAP""#),
    Row(
      json: #""tile"}, "inbound_nodes": [["x", 0, 0, {"multiples": [1, 2], "often": 3}]]"#,
      message: #"unknown key "often""#),
    Row(
      json: #""math.bessel_i0"}, "inbound_nodes": [["x", 0, 0, {}]]"#,
      message: "not supported: tf.math.bessel_i0 (1 layer: f)"),
    Row(
      json: #""roll"}, "inbound_nodes": [["x", 0, 0, {"shift": 1}]]"#,
      message: #"missing key "axis""#),
  ]

  @Test(arguments: functions)
  func `functions of TensorFlow refuse by argument`(_ row: Row) throws {
    let text = """
      {"class_name": "Functional", "keras_version": "2.10.0", "backend": "tensorflow", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "name": "x", "inbound_nodes": [],
         "config": {"batch_input_shape": [null, 4], "dtype": "float32", "name": "x"}},
        {"class_name": "TFOpLambda", "name": "f", "config": {"name": "f", "function": \(row.json)}],
       "input_layers": [["x", 0, 0]], "output_layers": [["f", 0, 0]]}}
      """
    let file = FileManager.default.temporaryDirectory.appending(path: "refusal-\(UUID().uuidString).json")
    try text.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    #expect(throws: KerasImportError.self) {
      do {
        _ = try KerasModel(contentsOfFile: file.path).lowered()
      } catch let error as KerasImportError {
        #expect("\(error)".contains(row.message))
        throw error
      }
    }
  }

  @Test func `a version that is no number leaves the era to the configuration`() throws {
    let text = """
      {"class_name": "Functional", "keras_version": "nightly", "backend": "tensorflow", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "name": "x", "inbound_nodes": [],
         "config": {"batch_input_shape": [null, 4], "dtype": "int32", "name": "x"}},
        {"class_name": "LeakyReLU", "name": "f", "config": {"name": "f", "alpha": 0.5}, "inbound_nodes": [[["x", 0, 0, {}]]]}],
       "input_layers": [["x", 0, 0]], "output_layers": [["f", 0, 0]]}}
      """
    let file = FileManager.default.temporaryDirectory.appending(path: "version-\(UUID().uuidString).json")
    try text.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    #expect(try KerasModel(contentsOfFile: file.path).graph.layers.count == 2)
  }
}
