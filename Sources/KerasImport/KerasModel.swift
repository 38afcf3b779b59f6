import HDF5
import ModelFiles
public import ModelIR
package import NativeFormat

/// A Keras model read from a file: its layers, the calls between them, and where its weights are.
///
/// Opening reads no weight data; bytes are touched when a forward pass or an export needs them.
public struct KerasModel: Sendable {
  /// The model's name.
  public var name: String { graph.name }
  /// The version of Keras that wrote the file, `3.6.0`; empty when the file does not say.
  public let kerasVersion: String
  /// The format in words: `Keras 3.6.0, .keras archive`.
  public let format: String
  /// The format of the file.
  public let fileFormat: FileFormat
  /// The layers and their calls.
  package let graph: LayerGraph
  /// The weights by name, in Keras's order of creation; no bytes are read.
  public let weights: KerasWeights
  /// Which tensors belong to which layer.
  package let binding: WeightBinding
  /// Why nothing can be computed with a model that was opened for inspection; nil when nothing is amiss.
  public let unsupported: KerasImportError?
  /// What a reader of the model should know, a sentence each.
  public let warnings: [String]
  /// The configuration in canonical form, as today's Keras writes it.
  package let config: JSONValue
  /// The file, for error messages.
  package let path: String
  /// The files that bytes come from, for those who read all of them.
  private let files: [ModelFile]
  private let keepsUnsupported: Bool
  private let kept: Lazy<LoweredModel>

  /// How a file is opened.
  public struct Options: Sendable {
    /// The layers and operations that are known.
    public var layers = LayerRegistry.standard
    /// A file with the weights, for an architecture alone or in place of the ones inside.
    public var weights: String?
    /// Files that the model keeps beside it, vocabularies, by the name or path of their layer.
    public var assets: [String: String] = [:]
    /// The path of the program `kconvert-hdf5`, in which libhdf5 then looks at HDF5 files: a process for each file, of 5 s and
    /// 512 MB, which can open and write no file and ends with this one. Where it cannot be started or confined, HDF5 files
    /// are not read.
    ///
    /// nil: in this process. It takes a few milliseconds less for each file, and means that this process trusts libhdf5 with
    /// the file: the library is known to crash, to loop and to write past its memory on damaged files, and a crash ends the
    /// program. Files that a stranger may have made belong into the helper, or to the command, which does the same by itself.
    public var hdf5Helper: String?
    /// Whether a model opens although layers of it are not supported, or its weights are missing: then
    /// ``KerasModel/unsupported`` says so, a ``ModelSummary`` shows what there is, and everything else throws that.
    public var keepsUnsupported = false
    /// Whether it opens although weights do not fit the layers or a layer's configuration is damaged, too.
    var keepsMisfits = false
    /// The standard layers, and the weights inside the file.
    public init() {}
  }

  /// Opens a model of any format; of a SavedModel, its folder, one of its files, or a zip archive of it.
  /// - Throws: ``KerasImportError`` with the file's place: what cannot be opened, is damaged, is not supported, or does
  ///   not fit together.
  public init(contentsOfFile path: String, options: Options = Options()) throws(KerasImportError) {
    self = try HDF5File.indexing(in: options.hdf5Helper) { () throws(KerasImportError) in
      try KerasModel(placing: ModelFile(at: path), options: options)
    }
  }

  /// Opens a model in memory: a `.keras` archive or other zip, an `.h5` or safetensors file, the text of an architecture. The
  /// bytes are copied once.
  /// - Parameter bytes: the file's content.
  /// - Parameter options: how it is opened.
  /// - Parameter name: what errors call it.
  /// - Throws: ``KerasImportError``: what is damaged, not supported, does not fit together, or is a file that needs others
  ///   beside it.
  public init(
    bytes: some Collection<UInt8>, name: String = "model", options: Options = Options()
  ) throws(KerasImportError) {
    let bytes = try HeldBytes(copying: bytes, name: name)
    self = try HDF5File.indexing(in: options.hdf5Helper) { () throws(KerasImportError) in
      try KerasModel(placing: ModelFile(bytes, name: name), options: options)
    }
  }

  /// Opens a file; errors get its place.
  /// - Parameter weights: those of a model that is built in code, by the paths of their layers.
  init(
    placing file: ModelFile, weights: [String: Tensor]? = nil, options: Options
  ) throws(KerasImportError) {
    do {
      try self.init(file, weights: weights, options: options)
    } catch {
      if case .io = error.reason { throw error }
      if case .file? = error.path.first { throw error }
      throw error.at(.file(file.path))
    }
  }

  private init(_ file: ModelFile, weights: [String: Tensor]?, options: Options) throws(KerasImportError) {
    let weightFile = try options.weights.map { path throws(KerasImportError) in try ModelFile(at: path) }
    var source = try ModelSource(file, weights: weightFile)
    if let weights {
      source.weights = .given(weights)
      source.format = "built in code"
    }
    let outline = try ModelOutline.read(source, weights: weightFile, options: options)
    graph = outline.graph
    var binding = outline.binding
    try binding.mergeLowRankUpdates(of: graph)
    try binding.attach(options.assets, to: graph)
    self.binding = binding
    unsupported = outline.unsupported?.at(.file(file.path))
    keepsUnsupported = options.keepsUnsupported
    warnings = source.model.warnings
    config = source.model.json
    kerasVersion = source.model.kerasVersion
    format = source.format
    fileFormat = file.format
    files = [file, weightFile].compactMap { $0 }
    path = file.path
    kept = Lazy()
    self.weights = KerasWeights(graph, binding)
  }

  /// A model with other tensors for its layers.
  init(_ model: KerasModel, binding: WeightBinding) {
    (graph, unsupported, keepsUnsupported) = (model.graph, model.unsupported, model.keepsUnsupported)
    (warnings, config, files, path) = (model.warnings, model.config, model.files, model.path)
    (kerasVersion, format, fileFormat) = (model.kerasVersion, model.format, model.fileFormat)
    (self.binding, kept) = (binding, Lazy())
    weights = KerasWeights(graph, binding)
  }

  /// The graph of primitive operations, with shapes checked from input to output.
  /// - Throws: the first layer that cannot take its input, with expected, found and where the size comes from.
  public func lowered(_ options: LoweringOptions = LoweringOptions()) throws(KerasImportError) -> LoweredModel
  {
    if let unsupported { throw unsupported }
    do {
      return try LoweredModel(graph, weights: binding, options: options)
        .withOwnBatches(graph, weights: binding, options: options)
    } catch {
      throw error.at(.file(path))
    }
  }

  /// The part of the graph that can be lowered of a model that is not supported as a whole; the whole one otherwise.
  /// - Returns: it, and why it is not the whole.
  package func outlined(
    _ options: LoweringOptions
  ) throws(KerasImportError) -> (lowered: LoweredModel, unsupported: KerasImportError?) {
    var reason = unsupported
    if reason == nil {
      do { return (try lowered(options), nil) } catch {
        guard keepsUnsupported, error.refusals != nil else { throw error }
        reason = error
      }
    }
    do {
      return (try LoweredModel(graph, weights: binding, options: options, isPartial: true), reason)
    } catch {
      throw error.at(.file(path))
    }
  }

  /// Begins to make the checksums that ``verifyChecksums()`` wants, on a core that has nothing to do while the model is
  /// lowered; to be called when no process is going to be forked any more.
  package func verifyAhead() { for file in files { file.verifyAhead() } }

  /// Compares the checksums of the file's members with their content, on all cores.
  /// - Throws: `corrupted` when one differs. Formats without checksums pass.
  public func verifyChecksums() throws(KerasImportError) {
    for file in files { try file.verifyChecksums() }
  }
}

/// The architecture in canonical form and the weights that come with it.
struct ModelSource {
  let model: CanonicalModel
  var format: String
  var weights: WeightSource

  init(_ file: ModelFile, weights given: ModelFile?) throws(KerasImportError) {
    var isTheano: Bool?
    for source in [file, given].compactMap({ $0 }) {
      guard case .hdf5(let hdf5) = source.content else { continue }
      do { isTheano = try hdf5.isOfTheano ?? isTheano } catch { throw error.at(.file(source.path)) }
    }
    switch file.content {
    case .archive(let archive):
      let version = archive.metadata?["keras_version"]?.string
      model = try CanonicalModel(json: archive.config, kerasVersion: version, backend: nil)
      format = "\(model.era), .keras archive"
      weights = try WeightSource(archive: archive, path: file.path)
    case .hdf5(let hdf5):
      let json = try ModelSource.architecture(in: hdf5)
      let version = try hdf5.rootAttributes["keras_version"]?.string
      let backend = try hdf5.rootAttributes["backend"]?.string
      model = try CanonicalModel(json: json, kerasVersion: version, backend: backend, isTheano: isTheano)
      format = "\(model.era), HDF5"
      weights = .legacy(hdf5, group: "model_weights")
    case .json(let json), .yaml(let json):
      model = try CanonicalModel(json: json, kerasVersion: nil, backend: nil, isTheano: isTheano)
      format = "\(model.era), architecture"
      weights = .missing("the file holds an architecture but no weights")
    case .safetensors(let bytes):
      let file = try NativeFile(bytes)
      let described = try file.describedModel()
      model = CanonicalModel(described)
      format = described.format
      weights = .named(file)
    case .savedModel(let saved):
      model = try CanonicalModel(
        json: try saved.configWithVocabularies(), kerasVersion: saved.kerasVersion, backend: "tensorflow")
      format =
        saved.tensorFlowRelease.map { "TensorFlow \($0) SavedModel" } ?? "\(model.era), SavedModel metadata"
      weights = .savedModel(saved)
    case .checkpoint:
      throw KerasImportError(
        .incomplete(
          "the checkpoint holds weights but no model",
          remedy: .architecture))
    }
  }

  /// The attribute `model_config` of an HDF5 file.
  private static func architecture(in file: HDF5File) throws(KerasImportError) -> JSONValue {
    guard let text = try file.rootAttributes["model_config"]?.string else {
      guard try file.index.root.holdsKerasWeights else {
        throw KerasImportError(
          .notAKerasFile(
            "an HDF5 file with neither a Keras model nor its weights",
            suggestion: "give the file that model.save of Keras wrote"))
      }
      throw KerasImportError(
        .incomplete(
          "the file holds weights but no model",
          remedy: .architecture))
    }
    do { return try ArchitectureText.model(try JSONValue(parsing: text)) } catch let error as KerasImportError
    {
      throw error.at(.key("model_config"))
    } catch {
      throw KerasImportError(.corrupted("model_config: \(error)"))
    }
  }

  /// The weights of a model: those of a file given beside it, or its own.
  func bind(
    _ graph: LayerGraph, weights file: ModelFile?, isLenient: Bool = false
  ) throws(KerasImportError) -> WeightBinding {
    guard let file else { return try weights.bind(graph, model, isLenient: isLenient) }
    var binding: WeightBinding
    do {
      binding = try WeightSource(file: file).bind(graph, model, isLenient: isLenient)
    } catch {
      throw error.at(.file(file.path))
    }
    // A file of weights alone has no vocabularies; those of the model stay. A layer that needs one refuses without.
    if binding.assets.isEmpty, let own = try? weights.bind(graph, model) { binding.assets = own.assets }
    return binding
  }
}

/// Where the weights of a model come from.
enum WeightSource {
  /// The folders of Keras 3, read when they are asked for, and the archive that has the assets.
  case numbered(@Sendable () throws(KerasImportError) -> WeightTree, KerasArchive? = nil)
  /// The `layer_names` layout, in a group of the file.
  case legacy(HDF5File, group: String)
  /// Tensors under the names of ``LayerGraph/places``.
  case named(NativeFile)
  /// The same, of a model that is built in code.
  case given([String: Tensor])
  /// The variables of a checkpoint of TensorFlow, by its objects.
  case checkpoint(TensorBundle)
  /// The checkpoint in a SavedModel, which need not be there before it is asked for.
  case savedModel(SavedModel)
  case missing(String)

  /// The weights of an archive.
  init(archive: KerasArchive, path: String) throws(KerasImportError) {
    switch archive.weights {
    case .hdf5(let file):
      self = .numbered({ () throws(KerasImportError) in try file.weightTree() }, archive)
    case .npz(let bytes):
      self = .numbered({ () throws(KerasImportError) in try NumpyWeights.weightTree(bytes) }, archive)
    case .shards: throw KerasImportError(.unsupported("sharded weights inside an archive"))
    case .absent: self = .missing("the archive holds no weights")
    }
  }

  /// The weights of a file given beside an architecture.
  init(file: ModelFile) throws(KerasImportError) {
    switch file.content {
    case .hdf5(let hdf5):
      let root = try hdf5.index.root
      if ["layer_names", "layer_names0", "nb_layers"].contains(where: { root.attributes[$0] != nil }) {
        self = .legacy(hdf5, group: "")
      } else if root.groups["model_weights"] != nil {
        self = .legacy(hdf5, group: "model_weights")
      } else {
        self = .numbered { () throws(KerasImportError) in try hdf5.weightTree() }
      }
    case .archive(let archive): self = try WeightSource(archive: archive, path: file.path)
    case .json(let json) where ShardedWeights.isIndex(json):
      let folder =
        file.path.contains("/")
        ? String(file.path[..<(file.path.lastIndex(of: "/") ?? file.path.startIndex)]) : "."
      self = .numbered { () throws(KerasImportError) in
        try ShardedWeights.weightTree(index: json, folder: folder)
      }
    case .safetensors(let bytes): self = .named(try NativeFile(bytes))
    case .savedModel(let saved): self = .savedModel(saved)
    case .checkpoint(let bundle): self = .checkpoint(bundle)
    case .json, .yaml: throw KerasImportError(.unsupported("no weights are read from this format"))
    }
  }

  func bind(
    _ graph: LayerGraph, _ model: CanonicalModel, isLenient: Bool = false
  ) throws(KerasImportError) -> WeightBinding {
    switch self {
    case .numbered(let tree, let archive):
      return try NumberedWeights.bind(graph, to: tree(), assets: archive, isLenient: isLenient)
    case .legacy(let file, let group):
      return try LegacyWeights.bind(graph, to: file, group: group, model: model, isLenient: isLenient)
    case .named(let file):
      return try WeightBinding(graph, named: file.file.tensors, names: file.file.names)
    case .given(let tensors): return try WeightBinding(graph, named: tensors, names: tensors.keys.sorted())
    case .checkpoint(let bundle):
      return try CheckpointWeights.bind(graph, to: bundle, isLenient: isLenient)
    case .savedModel(let saved):
      if !graph.layers.contains(where: \.mayHaveWeights) { return WeightBinding() }
      return try CheckpointWeights.bind(
        graph, to: try saved.bundle(), names: try saved.layerNames(), isLenient: isLenient)
    case .missing(let message):
      if !graph.layers.contains(where: \.hasWeights) { return WeightBinding() }
      throw KerasImportError(.incomplete(message, remedy: .weights))
    }
  }
}

extension HDF5Index.Group {
  /// True when some group is laid out as Keras lays out weights, of any era.
  fileprivate var holdsKerasWeights: Bool {
    let marks = ["layer_names", "layer_names0", "nb_layers", "weight_names"]
    return marks.contains { attributes[$0] != nil } || groups["vars"] != nil
      || groups.values.contains(where: \.holdsKerasWeights)
  }
}

extension HDF5File {
  /// Whether a file of weights in the `layer_names` layout is Theano's, by what it says itself: the backend it names, its
  /// release (Keras 3 has no Theano), and else the names of its variables, which in TensorFlow's end in `:0`. nil when it
  /// says nothing.
  fileprivate var isOfTheano: Bool? {
    get throws(KerasImportError) {
      // A file with the model says it here, before all of it is indexed.
      let root = try rootAttributes
      if root["model_config"] != nil, let answer = HDF5File.isOfTheano(root) { return answer }
      let whole = try index.root
      let layers = whole.groups["model_weights"] ?? whole
      if let answer = HDF5File.isOfTheano(layers.attributes.merging(root) { inner, _ in inner }) {
        return answer
      }
      for layer in layers.groups.values {
        // An empty list is of another type in HDF5.
        let names = (layer.attributes["weight_names"] ?? layer.attributes["weight_names0"])?.strings
        if let first = names?.first { return !first.hasSuffix(":0") }
      }
      return nil
    }
  }

  private static func isOfTheano(_ attributes: [String: HDF5Index.Attribute]) -> Bool? {
    if let backend = attributes["backend"]?.string { return backend == "theano" }
    if let version = attributes["keras_version"]?.string, let major = version.first?.wholeNumberValue,
      major >= 3
    {
      return false
    }
    return nil
  }
}

extension KerasModel: GraphSource {
  /// By the layer that cannot be lowered.
  public typealias Failure = KerasImportError
  /// The graph of primitive operations with the sizes of the file.
  /// - Throws: the first layer that cannot take its input.
  public func makeGraph() throws(KerasImportError) -> Graph { try lowering().graph }

  /// The version of Keras that wrote the model, as `keras_version`, where the file tells it.
  public var provenance: [String: String] { kerasVersion.isEmpty ? [:] : ["keras_version": kerasVersion] }

  /// The model lowered with the sizes of the file, once.
  func lowering() throws(KerasImportError) -> LoweredModel {
    try kept.value { () throws(KerasImportError) in try lowered() }
  }
}
