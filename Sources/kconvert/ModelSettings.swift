import ArgumentParser
import KerasImport

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

  @Option(help: "Fix the batch dimension.")
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
}
