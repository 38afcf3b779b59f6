/// What is not freed before the process ends, which frees everything at once: taking a model apart, object by object,
/// takes 3 of 36 ms for MobileNetV2.
enum UntilExit {
  // Used by the main thread alone.
  nonisolated(unsafe) private static var kept: [Any] = []

  static func keep(_ thing: Any) { kept.append(thing) }
}
