import ArgumentParser
import KerasImport

/// `kconvert layers`: what is supported.
struct Layers: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List the supported layers, operations and activations.")

  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let registry = LayerRegistry.standard
    if json {
      let layers = registry.layerNames.map { "\"\($0)\"" }.joined(separator: ", ")
      let operations = registry.operationNames.map { "\"\($0)\"" }.joined(separator: ", ")
      print("{\"layers\": [\(layers)], \"operations\": [\(operations)]}")
      return
    }
    print("Layers (\(registry.layerNames.count)):")
    for name in registry.layerNames { print("  \(name)") }
    print("Operations (\(registry.operationNames.count)):")
    for name in registry.operationNames { print("  \(name)") }
  }
}
