import ArgumentParser
import NativeRuntime

/// How many threads a forward pass has.
struct ThreadOptions: ParsableArguments {
  @Option(parsing: .unconditional, help: "The number of threads; all cores by default.")
  var threads: Int?

  func validate() throws { try ValidationError.check(threads, isPositive: "--threads") }

  /// The number as a session takes it.
  var count: Int { threads ?? 0 }  // 0: all cores.
}

/// How forward passes are computed.
struct KernelOptions: ParsableArguments {
  @OptionGroup var pool: ThreadOptions

  @Flag(help: "Leave out algorithms with fewer multiplications and larger rounding errors.")
  var exact = false

  @Flag(help: "Round to float16 and bfloat16 after every operation, where the model has these types.")
  var exactDtypes = false

  @Flag(help: "Use the plain reference kernels alone.")
  var reference = false

  var threads: Int? { pool.threads }

  var settings: Session.Options {
    var options = Session.Options()
    options.threads = pool.count
    options.isExact = exact
    options.roundsToDTypes = exactDtypes
    options.usesReferenceKernels = reference
    return options
  }
}
