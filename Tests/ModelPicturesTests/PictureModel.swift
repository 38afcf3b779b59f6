import Foundation
import KerasImport
import ModelIR

@testable import ModelPictures

/// Models that the tests draw.
enum PictureModel {
  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "fixtures")

  /// Branches, models in models, layers called twice, dictionaries of inputs.
  static let graphs = [
    "graph/residual", "graph/unet", "graph/multi_in_out", "graph/nested_reused", "graph/nested_multi_out",
    "graph/nested_sequential", "graph/layer_twice_in_chain", "graph/shared_layer", "graph/squeeze_excite",
    "graph/dict_inputs", "rnn/lstm_encoder_decoder", "rnn/bidir_lstm", "seed/cnn",
  ]

  static func fixture(_ name: String) throws -> KerasModel {
    try open(fixtures.appending(path: "cases/\(name)/model.keras").path)
  }

  /// A functional model given as layers: name, class, and the names of those before it.
  static func json(_ layers: [(name: String, className: String, sources: [String])]) throws -> KerasModel {
    func quoted(_ text: String) throws -> String {
      String(
        decoding: try JSONSerialization.data(withJSONObject: text, options: .fragmentsAllowed), as: UTF8.self)
    }
    let texts = try layers.map { layer in
      let config =
        switch layer.className {
        case "InputLayer": "\"batch_input_shape\": [null, 4], \"dtype\": \"float32\","
        case "Dense", "QuantumDense": "\"activation\": \"relu\", \"units\": 4,"
        default: ""
        }
      let sources = try layer.sources.map { "[\(try quoted($0)), 0, 0, {}]" }.joined(separator: ", ")
      return """
        {"class_name": \(try quoted(layer.className)), "name": \(try quoted(layer.name)),
         "config": {\(config) "name": \(try quoted(layer.name))}, "inbound_nodes": [\(sources.isEmpty ? "" : "[\(sources)]")]}
        """
    }
    let (first, last) = (try quoted(layers[0].name), try quoted(layers[layers.count - 1].name))
    let text = """
      {"class_name": "Functional", "keras_version": "2.12.0", "backend": "tensorflow", "config": {"name": "drawn",
       "layers": [\(texts.joined(separator: ",\n"))],
       "input_layers": [[\(first), 0, 0]], "output_layers": [[\(last), 0, 0]]}}
      """
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).json")
    try text.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    return try open(file.path)
  }

  static func open(_ path: String) throws -> KerasModel {
    var options = KerasModel.Options()
    options.keepsUnsupported = true
    return try KerasModel(contentsOfFile: path, options: options)
  }
}
