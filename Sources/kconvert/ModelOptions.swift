import ArgumentParser
import KerasImport
import ModelFiles
import ModelIR
import ONNXImport

/// The model and the options that every verb has.
struct ModelOptions: ParsableArguments {
  @Argument(
    help:
      "A .keras archive, an .h5 model, a SavedModel folder, a native .safetensors, or an architecture with --weights.",
    completion: .file())
  var model: String

  @Option(
    help:
      "Weights for an architecture, or in place of the ones inside; a TensorFlow checkpoint by its name or .index.",
    completion: .file())
  var weights: String?

  @OptionGroup var settings: ModelSettings

  var inputShape: [String] { settings.inputShape }
  var batch: Int? { settings.batch }

  /// - Parameter isForSummary: the model need not be supported as a whole.
  func open(isForSummary: Bool = false) throws -> KerasModel {
    let given = try settings.given()
    do {
      let opened = try ModelOptions.open(model, weights: weights, isForSummary: isForSummary, adding: given)
      settings.warnOfUnusedNames(in: opened)
      return opened
    } catch let error as KerasImportError {
      throw settings.misuse(error) ?? error
    }
  }

  /// The graph of a model, or of an ONNX file that kconvert wrote.
  func graph() throws -> Graph {
    if let graph = try onnxGraph() { return graph }
    let model = try open()
    return try model.lowered(lowering(for: model)).graph
  }

  /// The graph of an ONNX file; nil for other models.
  func onnxGraph() throws -> Graph? {
    guard let graph = try ModelOptions.graph(ofONNX: model) else { return nil }
    guard weights == nil, settings.arguments.isEmpty else {
      throw Failure("\(model): an ONNX file is read as it is, without further options", .usage)
    }
    return graph
  }

  /// The graph of a file that the options do not speak of.
  static func graph(_ path: String, weights: String?) throws -> Graph {
    if weights == nil, let graph = try graph(ofONNX: path) { return graph }
    return try open(path, weights: weights).lowered().graph
  }

  /// Whether a file is an ONNX model by its content; what cannot be opened is none.
  static func isONNX(_ path: String) -> Bool {
    // The reader of Keras's files, which knows folders and names of checkpoints, tells what is wrong.
    guard let file = try? MappedFile(path: path) else { return false }  // See above.
    return ONNXFile.recognises(file.content)
  }

  /// Nil for every file that is not ONNX.
  private static func graph(ofONNX path: String) throws -> Graph? {
    guard isONNX(path) else { return nil }
    do { return try ONNXFile(contentsOfFile: path).makeGraph() } catch { throw Failure(error, in: path) }
  }

  static func open(
    _ path: String, weights: String?, isForSummary: Bool = false, adding given: KerasModel.Options = .init()
  ) throws -> KerasModel {
    var options = given
    options.weights = weights
    options.keepsUnsupported = isForSummary
    let model = try HDF5File.$indexingPlace.withValue(.copy) {
      try KerasModel(contentsOfFile: path, options: options)
    }
    for warning in model.warnings { Failure.warn("\(path): \(warning)") }
    return model
  }

  /// The sizes the caller fixes.
  func lowering(for model: KerasModel) throws -> LoweringOptions {
    var options = LoweringOptions()
    if let batch {
      try ValidationError.check(batch, isPositive: "--batch")
      options.batch = batch
    }
    let inputs = model.graph.inputs.map { model.graph.layers[$0.layer].name }
    for text in inputShape {
      let (name, shape) = try ModelOptions.parse(text, inputs: inputs)
      options.inputShapes[name] = shape
    }
    return options
  }

  private static func parse(_ text: String, inputs: [String]) throws -> (String, Shape) {
    var name = inputs.first ?? ""  // Replaced below unless the model has one input.
    var list = text[...]
    if let equals = text.lastIndex(of: "=") {
      name = String(text[..<equals])
      list = text[text.index(after: equals)...]
    } else if inputs.count != 1 {
      throw Failure("--input-shape: expected NAME=D,D,... since the model has the inputs \(inputs)", .usage)
    }
    guard inputs.contains(name) else {
      throw Failure(
        "--input-shape: there is no input \"\(name)\"; the inputs are \(inputs)", .usage,
        hint: inputs.nearest(to: name).map { "did you mean \"\($0)\"?" })
    }
    var dimensions: [Dimension] = []
    for (axis, part) in list.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
      let part = part.filter { $0 != " " }
      if let size = Int(part) {
        guard size >= 0 else { throw ValidationError("--input-shape: a size cannot be \(size)") }
        dimensions.append(.fixed(size))
      } else if part == "?" {
        dimensions.append(.symbol(axis == 0 ? "batch" : "\(name)_\(axis)"))
      } else if !part.isEmpty {
        dimensions.append(.symbol(String(part)))
      } else {
        throw Failure("--input-shape: expected sizes separated by commas, found \"\(text)\"", .usage)
      }
    }
    return (name, Shape(dimensions))
  }
}
