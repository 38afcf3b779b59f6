import ModelIR

/// Calls of image layers on a dictionary: `images`, and `labels`, `bounding_boxes`, `segmentation_masks` beside them.
///
/// Source: `call` of `keras/src/layers/preprocessing/image_preprocessing/base_image_preprocessing_layer.py`.
extension CallArguments where Reference == Operand {
  /// The images transformed, what is beside them as it is, in the order in which Keras flattens a dictionary; a call on
  /// images alone gives those.
  /// - Parameters:
  ///   - keys: what the layer leaves as it is at inference.
  ///   - transform: gives an image, or segmentation masks, which go the same way.
  /// - Throws: `unsupported` for what the layer would change in another way.
  func mapImages(
    passing keys: Set<String> = ["labels", "bounding_boxes"],
    _ transform: (_ image: Operand, _ isMask: Bool) throws(KerasImportError) -> Operand
  ) throws(KerasImportError) -> [Operand] {
    guard case .dictionary(let entries)? = positional.first, entries.contains(where: { $0.key == "images" })
    else { return [try transform(try input, false)] }
    var results: [Operand] = []
    for entry in entries.sorted(by: { $0.key < $1.key }) {
      switch (entry.key, entry.value) {
      case ("images", .tensor(let image)): results.append(try transform(image, false))
      case ("segmentation_masks", .tensor(let mask)): results.append(try transform(mask, true))
      case (let key, let value) where keys.contains(key): results += value.tensors
      case (let key, _): throw KerasImportError(.unsupported("\"\(key)\" beside images"))
      }
    }
    return results
  }
}
