import ArgumentParser
import NativeRuntime

/// How forward passes are computed.
struct KernelOptions: ParsableArguments {
  @Option(help: "The number of threads; all cores by default.")
  var threads: Int?

  @Flag(help: "Leave out algorithms with fewer multiplications and larger rounding errors.")
  var exact = false

  @Flag(help: "Round to float16 and bfloat16 after every operation, where the model has these types.")
  var exactDtypes = false

  @Flag(help: "Use the plain reference kernels alone.")
  var reference = false

  func validate() throws {
    if let threads, threads < 1 {
      throw ValidationError("--threads: expected a positive number, found \(threads)")
    }
  }

  var settings: Session.Options {
    var options = Session.Options()
    options.threads = threads ?? 0  // 0: all cores.
    options.isExact = exact
    options.roundsToDTypes = exactDtypes
    options.usesReferenceKernels = reference
    return options
  }
}
