import ArgumentParser
import KerasImport
import ModelFiles
import ModelIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The command: inspecting and converting is what it is for, so `convert` needs no verb.
@main
struct KConvert: ParsableCommand {
  static let version = "0.2.0"
  static let configuration = CommandConfiguration(
    commandName: "kconvert",
    abstract: "Reads Keras model files of every era and sets them free: layer table, predictions, ONNX.",
    discussion: """
      Without a verb, convert is meant:

      kconvert model.keras --summary
      kconvert model.h5 --to onnx --verify
      kconvert run model.keras --inputs in.npz --outputs out.npz
      kconvert batch models --to onnx --out converted
      """,
    version: LibraryVersions.text,
    subcommands: [
      Convert.self, Run.self, Check.self, Compare.self, Diff.self, Batch.self, Bench.self, Layers.self,
      BatchChild.self,
    ],
    defaultSubcommand: Convert.self)

  /// Sets up what every command relies on, then runs it.
  static func main() {
    // A reader that is gone, and a file beyond a limit, are errors like any other that writing meets.
    for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
    heedSignals()
    Leftovers.removeOnSignals()
    let arguments = CommandLine.arguments.dropFirst()
    if let script = CompletionScript.requested(by: arguments) {
      do { try StandardOutput.write(script) } catch { Failure(error).end() }
      return
    }
    if let failure = misspeltVerb(arguments) { failure.end() }
    if let model = likelyModel(arguments) { HeadStart.begin(at: model) }
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      // What a command has told already; and without a word, all of the help is shown.
      if error is ExitCode || arguments.isEmpty { exit(withError: error) }
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      usageFailure(error, arguments).end()
    }
  }

  /// Lets the signals through that this command relies on: a program may start it on a thread that blocks all of them, as
  /// those of Dispatch do, and the command inherits that.
  private static func heedSignals() {
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGALRM, SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
    sigprocmask(SIG_UNBLOCK, &signals, nil)
  }

  /// The word that will turn out to be the model, as far as names tell: a wrong guess costs time and nothing else.
  private static func likelyModel(_ arguments: ArraySlice<String>) -> String? {
    // A batch opens its models in other processes, which are limited first.
    guard let first = arguments.first, !first.hasPrefix("batch"), !arguments.contains("--help"),
      !arguments.contains("-h")
    else { return nil }
    return arguments.first { $0.hasSuffix(".keras") || $0.hasSuffix(".h5") || $0.hasSuffix(".hdf5") }
  }
}
