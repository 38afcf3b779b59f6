import ArgumentParser
import KerasExport
import KerasImport
import ModelFiles
import ModelIR
import ModelPictures
import ONNXExport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `kconvert MODEL --summary`, `kconvert MODEL --to onnx|native|keras|dot|svg|html|json`.
struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Print the layer table or convert (the default verb).",
    discussion: """
      kconvert model.keras --summary
      kconvert model.h5 --to onnx --verify
      kconvert model.keras --to html -o page.html
      """)

  @OptionGroup var options: ModelOptions
  @Flag(help: "Print the layer table.") var summary = false
  @Option(help: "The format to convert to.") var to: ConversionFormat?
  @Option(
    name: [.customShort("o"), .customLong("output")], help: "Where to write; beside MODEL by default.",
    completion: .file())
  var output: String?
  @OptionGroup var conversion: ConversionOptions
  @Flag(help: "Replace a .keras, .h5 or .safetensors that only the default name of the output hits.")
  var force = false
  @Flag(help: "Open nested models up in the summary and in pictures.") var expandNested = false
  @Option(help: ArgumentHelp("Who places the boxes of a picture.", visibility: .hidden))
  var pictureLayout = ModelPicture.Layouter.automatic
  @Flag(
    help: "Add what each layer costs to the layer table: floating-point operations and memory of one sample.")
  var cost = false
  @OptionGroup var report: ReportOptions

  func validate() throws {
    if output == "-", let to, !to.isPicture {
      throw ValidationError("-o -: standard output is for text; name a file for --to \(to.rawValue)")
    }
    if output == "-", summary {
      throw ValidationError("-o -: the layer table goes to standard output already")
    }
    if output != nil, to == nil { throw ValidationError("-o: there is nothing to write without --to") }
    if force, to == nil { throw ValidationError("--force: there is nothing to write without --to") }
    try checkReport()
    try conversion.check(for: to)
    try options.settings.check(for: to)
  }

  /// Refuses what only a table or a picture shows, where there is none. JSON and pages have every layer and what it costs.
  private func checkReport() throws {
    guard let to, !summary else { return }
    if expandNested, !to.isPicture {
      throw ValidationError("--expand-nested: only --summary and pictures show nested models")
    }
    if cost, to != .json, to != .html {
      throw ValidationError("--cost: only --summary, --to json and --to html tell what layers cost")
    }
  }

  func run() throws { try Failure.reporting(reading: [options.model, options.weights], perform) }

  /// The work; errors are the caller's to report.
  func perform() throws {
    let isForSummary = summary || to == nil
    Watchdog.start(reading: [options.model, options.weights])
    // A file of weights would be indexed in a fork of its own, for which there may be one thread only.
    if to == .keras, options.weights == nil, HeadStart.isMade(at: options.model) { KerasWriter.prepare() }
    let model = try options.open(isForSummary: isForSummary || to?.isPicture == true)
    UntilExit.keep(model)
    if let to, !to.isPicture { model.verifyAhead() }
    let sizes = try options.lowering(for: model)
    if isForSummary {
      let table = try ModelSummary(model, options: sizes, expandsNested: expandNested)
      let description = try cost ? ModelDescription(model, options: sizes) : nil
      // None without --cost.
      let text = table.text(width: Terminal.width, adding: description?.costColumns ?? [])
      // None without --cost.
      try StandardOutput.table(text + (description?.costLines ?? ""))
      if let unsupported = table.unsupported, to == nil {
        Failure.warn("\(unsupported)", hint: unsupported.hint)
      }
    }
    switch to {
    case .onnx: try writeONNX(lowered(model, sizes).graph, of: model)
    // What cannot be computed is no model to keep.
    case .native: try writeNative(model, lowered(model, sizes))
    case .keras: try writeKeras(model, lowered(model, sizes))
    case .dot?, .svg?, .html?, .json?: try writePicture(model, sizes)
    case nil: break
    }
  }

  private func lowered(_ model: KerasModel, _ sizes: LoweringOptions) throws -> LoweredModel {
    let lowered = try model.lowered(sizes)
    UntilExit.keep(lowered)
    return lowered
  }

  // The checksums are made while the bytes are written; what nobody needed is read afterwards. The file appears only
  // when they are right.

  private func writeONNX(_ graph: Graph, of model: KerasModel) throws {
    var writer = ONNXWriter(usesExternalData: conversion.externalData)
    if let opset = conversion.opset { writer.opset = opset }
    writer.layout = conversion.layout?.dataLayout
    writer.usesFloat16 = conversion.float16
    writer.properties = model.provenance
    let path = try path(suffix: ConversionFormat.onnx.suffix)
    // Weights beside the model are a second output.
    _ = try outputs.named(path + ".data")
    var nodeCount = 0
    try writing(path, model) {
      do {
        try writer.write(graph, to: path) { written in
          try model.verifyChecksums()
          nodeCount = written.nodeCount
          guard conversion.verify else { return }
          let check = WrittenModelCheck(
            graph, writer, names: (options.model, path), tolerance: conversion.tolerance)
          try check.run(on: written)
        }
      } catch ONNXExportError.constant(_, let message) {
        // The error's own name is the file that was being written.
        throw Failure(message, .invalidModel)
      }
      return ["\(nodeCount) nodes", "opset \(writer.opset)", Outcome.outputs(of: graph)]
    }
  }

  /// Writes a file, with progress, and tells at the end what was written.
  /// - Parameter work: writes it; gives what there is to tell.
  private func writing(_ path: String, _ model: KerasModel, _ work: () throws -> [String]) throws {
    let outcome = Outcome()
    let progress = Progress.bytes(path, total: model.weightByteCount, report)
    defer { progress.finish() }
    let watcher = OutputProgress { progress.update($0) }
    let details = try OutputProgress.$current.withValue(watcher) { try work() }
    progress.finish()
    if !report.quiet { outcome.tell(path, details) }
  }

  /// An archive, or the weights alone when OUT says `.weights.h5`.
  private func writeKeras(_ model: KerasModel, _ lowered: LoweredModel) throws {
    let path = try path(suffix: ConversionFormat.keras.suffix)
    try writing(path, model) {
      if path.hasSuffix(".weights.h5") {
        try KerasWriter().writeWeights(model, to: path) { try model.verifyChecksums() }
        return ["\(model.weights.count) weights"]
      }
      try KerasWriter().write(model, lowered, to: path) { try model.verifyChecksums() }
      return ["\(model.graph.layers.count) layers", Outcome.outputs(of: lowered.graph)]
    }
  }

  private func writeNative(_ model: KerasModel, _ lowered: LoweredModel) throws {
    let path = try path(suffix: ConversionFormat.native.suffix)
    try writing(path, model) {
      try NativeWriter().write(model, to: path) { try model.verifyChecksums() }
      return ["\(model.weights.count) weights", Outcome.outputs(of: lowered.graph)]
    }
  }

  /// A picture of any model that can be read, to a file or to standard output.
  private func writePicture(_ model: KerasModel, _ sizes: LoweringOptions) throws {
    guard let to else { return }
    let outcome = Outcome()
    let path = try output == "-" ? "-" : path(suffix: to.suffix)
    let description = try ModelDescription(model, options: sizes)
    let picture = ModelPicture(description, expandsNested: expandNested, layouter: pictureLayout)
    for note in description.notes where !model.warnings.contains(note) { Failure.warn(note) }
    let text =
      switch to {
      case .dot: picture.dot
      case .json: description.json(description.report(of: model))
      case .html: try page(model, description, picture)
      case .svg, .onnx, .native, .keras: picture.svg
      }
    try TextOutput.write(text, to: path)
    if !report.quiet, path != "-" { outcome.tell(path, ["\(description.layers.layers.count) layers"]) }
  }

  private func page(
    _ model: KerasModel, _ description: ModelDescription, _ picture: ModelPicture
  ) throws -> String {
    let progress = Progress.bytes("reading weights", total: model.weightByteCount, report)
    defer { progress.finish() }
    return try ModelPage(model, description, picture: picture) { done, _ in progress.update(done) }.html
  }

  private var outputs: OutputPath { OutputPath(reading: [options.model, options.weights]) }

  /// Where to write: what the caller says, or beside MODEL, but not over what is being read.
  private func path(suffix: String) throws -> String {
    guard let output else {
      return try outputs.standard(Convert.renamed(options.model, suffix: suffix), replaces: force)
    }
    return try outputs.named(output)
  }

  /// MODEL's name with another suffix; a folder may be named with a slash at its end.
  private static func renamed(_ model: String, suffix: String) -> String {
    var path = model[...]
    while path.count > 1, path.last == "/" { path.removeLast() }
    let slash = path.lastIndex(of: "/") ?? path.startIndex
    guard let dot = path[slash...].lastIndex(of: "."), dot > path.index(slash, offsetBy: 0) else {
      return "\(path).\(suffix)"
    }
    return "\(path[..<dot]).\(suffix)"
  }
}

extension KerasModel {
  /// The size of all weights.
  fileprivate var weightByteCount: Int { weights.reduce(0) { $0 + $1.tensor.byteCount } }
}

extension ModelPicture.Layouter: ExpressibleByArgument {}

/// What standard output is.
enum Terminal {
  /// The terminal's width in columns; nil when the output is piped.
  static var width: Int? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return 80 }
    return Int(size.ws_col)
  }

  /// Whether standard output shows colours: a terminal, unless `NO_COLOR` says otherwise (https://no-color.org).
  static var hasColours: Bool {
    if let wish = getenv("NO_COLOR"), wish.pointee != 0 { return false }
    if let kind = getenv("TERM"), String(cString: kind) == "dumb" { return false }
    return isatty(STDOUT_FILENO) == 1
  }

  /// A line of the layer table: heads in bold, the frame dimmed.
  static func styled(_ line: String) -> String {
    let (bold, dim, plain) = ("\u{1B}[1m", "\u{1B}[2m", "\u{1B}[0m")
    guard let first = line.first else { return line }
    if "┏┡├└".contains(first) { return dim + line + plain }
    if "┃│".contains(first) {
      let cells = line.split(separator: first, omittingEmptySubsequences: false)
      let weight = first == "┃" ? bold : ""
      return cells.map { $0.isEmpty ? "" : "\(weight)\($0)\(plain)" }.joined(
        separator: dim + String(first) + plain)
    }
    return line.hasPrefix("Model:") ? bold + line + plain : line
  }
}
