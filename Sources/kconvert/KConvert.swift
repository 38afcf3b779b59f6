import ArgumentParser

/// The command: inspecting and converting is what it is for, so `convert` needs no verb.
@main
struct KConvert: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kconvert",
    abstract: "Reads Keras model files of every era and sets them free: layer table, predictions, ONNX.",
    version: "0.1.0",
    subcommands: [Convert.self, Run.self, Check.self, Compare.self, Layers.self],
    defaultSubcommand: Convert.self)
}
