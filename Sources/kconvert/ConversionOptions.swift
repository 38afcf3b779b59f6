import ArgumentParser
import ModelIR
import ONNXExport

/// What can be written of a model.
enum ConversionFormat: String, ExpressibleByArgument, CaseIterable {
  case onnx, native, keras
  case dot, svg, html, json

  /// The end of the file's name.
  var suffix: String { self == .native ? "safetensors" : rawValue }

  /// Whether it is read by people, so that layers may be unknown, and standard output will do.
  var isPicture: Bool {
    switch self {
    case .onnx, .native, .keras: false
    case .dot, .svg, .html, .json: true
    }
  }
}

/// How a model is converted, wherever the file goes.
struct ConversionOptions: ParsableArguments {
  /// The order of an image's axes.
  enum ImageLayout: String, ExpressibleByArgument, CaseIterable {
    case nhwc, nchw

    var dataLayout: DataLayout { self == .nhwc ? .channelsLast : .channelsFirst }
  }

  @Option(parsing: .unconditional, help: "The ONNX opset; \(ONNXWriter().opset) by default.") var opset: Int?
  @Option(help: "The layout of image inputs and outputs in the ONNX file; as the model has it by default.")
  var layout: ImageLayout?
  @Flag(help: "Store weights and compute in float16 in the exported file.") var float16 = false
  @Flag(help: "Put ONNX weights in a side file; automatic from 2 GiB on.") var externalData = false
  @Flag(
    help: """
      Read the ONNX file back, run both on the same random inputs, and only then give it its name. The exit code is 4 \
      when they differ.
      """)
  var verify = false
  @Option(
    parsing: .unconditional,
    help: """
      The largest difference that --verify accepts, absolute below 1 and relative above; \(WrittenModelCheck.tolerance) \
      by default, with --float16 \(WrittenModelCheck.float16Tolerance).
      """)
  var tolerance: Double?

  /// These options as the command line of another process; each option above is here.
  var arguments: [String] {
    var arguments: [String] = []
    if let opset { arguments += ["--opset", "\(opset)"] }
    if let layout { arguments += ["--layout", layout.rawValue] }
    if float16 { arguments.append("--float16") }
    if externalData { arguments.append("--external-data") }
    if verify { arguments.append("--verify") }
    if let tolerance { arguments += ["--tolerance", "\(tolerance)"] }
    return arguments
  }

  /// Refuses options that say nothing for a format.
  func check(for format: ConversionFormat?) throws {
    if format != .onnx, let option = arguments.first(where: { $0.hasPrefix("--") && $0 != "--tolerance" }) {
      throw ValidationError("\(option): only --to onnx has a use for it")
    }
    try ValidationError.check(opset, isPositive: "--opset")
    if let opset, opset > ONNXWriter.highestOpset {
      throw ValidationError(
        "--opset: expected \(ONNXWriter.highestOpset) or lower, the highest that kconvert knows, found \(opset)"
      )
    }
    guard let tolerance else { return }
    guard verify else { throw ValidationError("--tolerance: there is nothing to compare without --verify") }
    guard tolerance >= 0 else {
      throw ValidationError("--tolerance: expected a number from 0 on, found \(tolerance)")
    }
  }
}
