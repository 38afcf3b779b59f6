import ModelFiles
import ModelIR

extension KerasModel {
  /// Tells everything about a file, whatever it contains: a model, one with layers that are not supported, weights alone, or
  /// something else. Reads no weight data.
  /// - Parameter path: where the file is.
  /// - Parameter options: layers that are known besides the standard ones, weights beside the model.
  /// - Throws: `io` when the file cannot be read; everything else is in the report.
  public static func inspect(
    _ path: String, options: Options = Options()
  ) throws(KerasImportError) -> ModelReport {
    try HDF5File.indexing(in: options.hdf5Helper) { () throws(KerasImportError) in
      try inspect(path, options) { () throws(KerasImportError) in try ModelFile(at: path) }
    }
  }

  /// Tells everything about a file in memory, as ``inspect(_:options:)`` does about one on disk.
  /// - Parameter bytes: the file's content.
  /// - Parameter options: the layers that are known, and the files beside the model.
  /// - Parameter name: what the report calls it.
  /// - Throws: `io` when there is no memory for a copy of the bytes.
  public static func inspect(
    bytes: some Collection<UInt8>, name: String = "model", options: Options = Options()
  ) throws(KerasImportError) -> ModelReport {
    let copy = try HeldBytes(copying: bytes, name: name)
    return try HDF5File.indexing(in: options.hdf5Helper) { () throws(KerasImportError) in
      try inspect(name, options) { () throws(KerasImportError) in try ModelFile(copy, name: name) }
    }
  }

  private static func inspect(
    _ name: String, _ options: Options, _ open: () throws(KerasImportError) -> ModelFile
  ) throws(KerasImportError) -> ModelReport {
    let file: ModelFile
    do { file = try open() } catch { return try ModelReport(of: name, format: nil, error) }
    return try inspect(file, options)
  }

  private static func inspect(
    _ file: ModelFile, _ options: Options
  ) throws(KerasImportError) -> ModelReport {
    var options = options
    options.keepsUnsupported = true
    options.keepsMisfits = true
    do { return try KerasModel(placing: file, options: options).report } catch {
      // A file without a model may hold weights; else `error` is told.
      if case .incomplete = error.reason, let weights = try? KerasWeights(placing: file) {
        return ModelReport(of: file, weights: weights)
      }
      return try ModelReport(of: file.path, format: file.format, error)
    }
  }

  /// What ``inspect(_:options:)`` tells about the model's file.
  public var report: ModelReport {
    do {
      let (outline, problem) = try outlined(LoweringOptions())
      return report(outline, problem: problem)
    } catch {
      return report(LoweredModel(), problem: error)
    }
  }

  /// The report at the sizes that the model was lowered with.
  /// - Parameter problem: what kept it from being lowered whole.
  package func report(_ lowered: LoweredModel, problem: KerasImportError?) -> ModelReport {
    let problems = problem.map { [$0] } ?? []  // nil: there is none.
    let isWhole = problems.isEmpty
    let builder = SummaryBuilder(model: self, lowered: lowered)
    var report = ModelReport(
      file: path, status: isWhole ? .supported : .unsupported, fileFormat: fileFormat, format: format,
      name: name,
      kerasVersion: kerasVersion)
    let found = lowered.graph
    report.inputs = found.inputs.map { ModelReport.Port(found.name(of: $0), found.type(of: $0)) }
    report.outputs = found.outputs.map { ModelReport.Port($0.name, found.type(of: $0.value)) }
    report.layers = layers.map { layer in
      ModelReport.Layer(layer, lowered, builder, calls: builder.connections(of: layer.object, in: graph))
    }
    report.weights = weights.map(ModelReport.Weight.init)
    let (trainable, nonTrainable) = builder.totals(graph)
    report.trainable = ModelReport.Count(trainable)
    report.nonTrainable = ModelReport.Count(nonTrainable)
    report.problems = problems.flatMap(ModelReport.Problem.all)
    report.warnings = warnings
    return report
  }
}

extension ModelReport {
  /// A file that is no model.
  /// - Throws: `error` where the file cannot be read.
  fileprivate init(of path: String, format: FileFormat?, _ error: KerasImportError) throws(KerasImportError) {
    if case .io(path, _) = error.reason { throw error }
    self.init(file: path, status: .unreadable, fileFormat: format, format: "", name: "", kerasVersion: "")
    problems = Problem.all(error)
  }

  /// A file of weights alone.
  fileprivate init(of file: ModelFile, weights: KerasWeights) {
    self.init(
      file: file.path, status: .weights, fileFormat: file.format, format: "weights", name: "",
      kerasVersion: "")
    self.weights = weights.map(Weight.init)
    trainable = Count(
      parameters: self.weights.reduce(0) { $0 + $1.sizes.reduce(1, *) },
      bytes: self.weights.reduce(0) { $0 + $1.byteCount })
  }
}

extension ModelReport.Port {
  fileprivate init(_ name: String, _ type: TensorType) {
    self.init(name: name, dtype: type.dtype, shape: type.shape.dimensions.map(ModelReport.Size.init))
  }
}

extension ModelReport.Count {
  fileprivate init(_ count: ModelSummary.Count) {
    self.init(parameters: count.parameters, bytes: count.bytes)
  }
}

extension ModelReport.Weight {
  fileprivate init(_ weight: KerasWeight) {
    self.init(
      name: weight.name, dtype: weight.tensor.dtype, sizes: weight.tensor.sizes,
      byteCount: weight.tensor.byteCount, isTrainable: weight.isTrainable)
  }
}

extension ModelReport.Layer {
  /// - Parameter calls: what the layer is called with.
  fileprivate init(
    _ layer: KerasLayer, _ lowered: LoweredModel, _ builder: SummaryBuilder, calls: [String]
  ) {
    let nested = (layer.object.layer as? NestedModel)?.model
    self.init(
      name: layer.name, path: layer.path, className: layer.object.displayName,
      isSupported: !layer.object.isUnsupported,
      outputShapes: builder.shapes(of: layer.object, path: layer.path).map { shapes in
        shapes.map { $0.dimensions.map(ModelReport.Size.init) }
      },
      parameterCount: builder.parameterCount(of: layer.object), inputs: calls,
      layers: layer.layers.map { inner in
        let calls = nested.map { builder.connections(of: inner.object, in: $0) }
        // Wrappers call their layers themselves.
        return ModelReport.Layer(inner, lowered, builder, calls: calls ?? [])
      })
  }
}

extension ModelReport.Problem {
  /// The problems of an error, one for each layer.
  static func all(_ error: KerasImportError) -> [ModelReport.Problem] {
    if case .several(let errors) = error.reason { return errors.flatMap(all) }
    var layers: [(name: String, className: String)] = []
    var rest: [KerasImportError.Place] = []
    for place in error.path {
      switch place {
      case .file: continue
      case .layer(let name, let className): layers.append((name, className))
      case .call, .key, .weight: rest.append(place)
      }
    }
    return [
      ModelReport.Problem(
        kind: error.reason.kind, layer: layers.isEmpty ? nil : layers.map(\.name).joined(separator: "/"),
        className: layers.last?.className, message: KerasImportError(error.reason, path: rest).description,
        suggestion: error.suggestion)
    ]
  }
}
