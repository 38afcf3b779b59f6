import ArgumentParser
import KerasImport
import ModelIR

/// What the caller says of a model beside where it is.
struct ModelSettings: ParsableArguments {
  @Option(help: "Fix or override an input's shape: [NAME=]D,D,... with ? or a name for a dynamic dimension.")
  var inputShape: [String] = []

  @Option(help: "A vocabulary that the model keeps in a file beside it: LAYER=FILE.")
  var asset: [String] = []

  @Option(
    help: ArgumentHelp(
      "What a Lambda layer computes: NAME=EXPR over x, as \"x / 255\" or \"mean(x, axis=1)\".",
      discussion: "Operators, indices and the functions of keras.ops; see the article on layers of your own.")
  )
  var lambda: [String] = []

  @Option(help: "What a custom class without weights computes: CLASS=EXPR, as --lambda.")
  var custom: [String] = []

  @Option(parsing: .unconditional, help: "Fix the batch dimension.")
  var batch: Int?

  /// These options as the command line of another process; each option above is here.
  var arguments: [String] {
    let texts = [
      ("--input-shape", inputShape), ("--asset", asset), ("--lambda", lambda), ("--custom", custom),
    ]
    var arguments = texts.flatMap { option, values in values.flatMap { [option, $0] } }
    if let batch { arguments += ["--batch", "\(batch)"] }
    return arguments
  }

  /// Refuses sizes for a format that has no place for them.
  func check(for format: ConversionFormat?) throws {
    guard format == .native,
      let option = batch == nil ? inputShape.first.map({ _ in "--input-shape" }) : "--batch"
    else { return }
    throw ValidationError(
      "\(option): a native file keeps the model's own shapes; give it when the file is used")
  }

  /// What the options say of the model's own layers and files.
  func given() throws -> KerasModel.Options {
    var options = KerasModel.Options()
    for entry in try asset.map({ try ModelSettings.pair($0, "--asset", "LAYER=FILE") }) {
      options.assets[entry.name] = entry.value
    }
    for entry in try lambda.map({ try ModelSettings.pair($0, "--lambda", "NAME=EXPR") }) {
      options.layers.define(lambda: entry.name, as: try LayerExpression(entry.value))
    }
    for entry in try custom.map({ try ModelSettings.pair($0, "--custom", "CLASS=EXPR") }) {
      options.layers.define(class: entry.name, as: try LayerExpression(entry.value))
    }
    return options
  }

  private static func pair(_ text: String, _ option: String, _ form: String) throws -> (
    name: String, value: String
  ) {
    guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
      throw ValidationError("\(option): expected \(form), found \"\(text)\"")
    }
    return (String(text[..<equals]), String(text[text.index(after: equals)...]))
  }

  /// The names on the left of --lambda's and --custom's equals signs.
  private var names: (lambdas: [String], classes: [String]) {
    func names(_ texts: [String]) -> [String] { texts.map { String($0.prefix { $0 != "=" }) } }
    return (names(lambda), names(custom))
  }

  /// What is wrong with these options where a model is refused for it: a file for a layer that takes none, or a meaning that
  /// was given to nothing the model has, where one is missing for a name that is near.
  func misuse(_ error: KerasImportError) -> Failure? {
    if case .invalidValue("asset", let expected, let found) = error.reason, !asset.isEmpty {
      return Failure("--asset: expected \(expected), found \(found)", .usage)
    }
    let missing = error.unsupportedLayers
    let layers = missing.filter { $0.className == "Lambda" }.map { ModelSettings.last(of: $0.layer, "/") }
    let classes = missing.map { ModelSettings.last(of: $0.className, ">") }
    for (option, kind, given, needed) in [
      ("--lambda", "Lambda layer", names.lambdas, layers),
      ("--custom", "unsupported class", names.classes, classes),
    ] {
      for name in given where !needed.contains(name) {
        guard let meant = needed.nearest(to: name) else { continue }
        return Failure(
          "\(option): there is no \(kind) \"\(name)\"", .usage, hint: "did you mean \"\(meant)\"?")
      }
    }
    return nil
  }

  /// Tells of a meaning that nothing in the model asks for.
  func warnOfUnusedNames(in model: KerasModel) {
    guard !lambda.isEmpty || !custom.isEmpty else { return }
    let layers = ModelSettings.everyLayer(of: model.layers)
    let lambdas = Set(layers.filter { $0.className == "Lambda" }.map(\.name))
    let classes = Set(layers.flatMap { [$0.className, ModelSettings.last(of: $0.className, ">")] })
    for name in names.lambdas where !lambdas.contains(name) {
      Failure.warn("--lambda: the model has no Lambda layer \"\(name)\"")
    }
    for name in names.classes where !classes.contains(name) {
      Failure.warn("--custom: the model has no layer of the class \"\(name)\"")
    }
  }

  private static func everyLayer(of layers: [KerasLayer]) -> [KerasLayer] {
    layers.flatMap { [$0] + everyLayer(of: $0.layers) }
  }

  private static func last(of path: String, _ separator: Character) -> String {
    // A name without separators is the last itself.
    path.split(separator: separator).last.map(String.init) ?? path
  }
}
