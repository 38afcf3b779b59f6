import ModelFiles
import ModelIR

extension WeightBinding {
  /// Gives layers the files that the caller names for them.
  /// - Throws: `io` for a file that cannot be read; `invalidValue` for a name that no layer with files has.
  mutating func attach(_ files: [String: String], to graph: LayerGraph) throws(KerasImportError) {
    for (name, path) in files.sorted(by: { $0.key < $1.key }) {
      let places = graph.places.filter { !$0.object.layer.assets.isEmpty }
      let place = places.first { $0.path == name } ?? places.first { $0.object.name == name }
      guard let place, let asset = place.object.layer.assets.first else {
        let known = places.map { "\"\($0.path)\"" }.joined(separator: ", ")
        throw KerasImportError(
          .invalidValue(
            key: "asset", expected: known.isEmpty ? "a model with files of its own" : "one of \(known)",
            found: "\"\(name)\""))
      }
      do {
        assets[ObjectIdentifier(place.object), default: [:]][asset] = try MappedFile(path: path).content
      } catch {
        throw KerasImportError(error)
      }
    }
  }
}
