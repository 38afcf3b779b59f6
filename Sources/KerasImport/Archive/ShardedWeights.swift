import ModelFiles
import ModelIR
package import NativeFormat

/// Weights spread over several files, with a JSON index that names them (Keras 3.10 and later).
///
///     {"metadata": {"total_size": 8012.0}, "weight_map": {"/layers/dense/vars": ["model_00000.weights.h5"]}}
///
/// The values of `weight_map` are a file name (3.10) or a list of them (from 3.13).
package enum ShardedWeights {
  /// True for the index of sharded weights, false for an architecture.
  package static func isIndex(_ json: JSONValue) -> Bool {
    json["weight_map"]?.object != nil && json["class_name"] == nil
  }

  /// The tensors of all shards together.
  ///
  /// Shards are plain names of files in the index's own folder; anything else is refused before it is opened.
  package static func weightTree(index: JSONValue, folder: String) throws(KerasImportError) -> WeightTree {
    var tensors: [String: Tensor] = [:]
    var names: [String: String] = [:]
    var positions: [String: Int] = [:]
    var end = 0
    for file in try files(of: index) {
      let content: HeldBytes
      do {
        content = try MappedFile(path: folder.isEmpty ? file : "\(folder)/\(file)").content
      } catch {
        throw KerasImportError(error)
      }
      let tree: WeightTree
      do {
        tree = try HDF5File(content).weightTree()
      } catch {
        throw error.at(.file(file))
      }
      for (path, tensor) in tree.tensors {
        guard tensors.updateValue(tensor, forKey: path) == nil else {
          throw KerasImportError(.corrupted("two shards hold the weight \"\(path)\""), path: [.file(file)])
        }
      }
      names.merge(tree.names) { first, _ in first }
      for (path, position) in tree.positions { positions[path] = end + position }
      end += content.count
    }
    return WeightTree(tensors: tensors, names: names, positions: positions)
  }

  private static func files(of index: JSONValue) throws(KerasImportError) -> [String] {
    guard let map = index["weight_map"]?.object else {
      throw KerasImportError(.corrupted("the index of the shards has no \"weight_map\""))
    }
    var files: Set<String> = []
    for (group, value) in map {
      let entries = value.array ?? [value]
      for entry in entries {
        guard let name = entry.string, !name.isEmpty else {
          throw KerasImportError(.corrupted("the index of the shards names no file for \"\(group)\""))
        }
        guard !name.contains("/"), !name.contains("\\"), !name.utf8.contains(0), name != ".", name != ".."
        else {
          throw KerasImportError(.unsupported("the shard \"\(name)\" is not in the folder of its index"))
        }
        files.insert(name)
      }
    }
    return files.sorted()
  }
}
