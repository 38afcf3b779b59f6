import ArgumentParser
import KerasImport
import ModelIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Wrong usage, told as every other error is: one line, a second one on how to go on.
extension KConvert {
  private static var verbs: [ParsableCommand.Type] {
    configuration.subcommands.filter { $0.configuration.shouldDisplay }
  }

  /// A first word that is neither a verb nor a file, but near a verb or something that is an option: taken for a model, it
  /// would say that the second is one too many.
  static func misspeltVerb(_ arguments: ArraySlice<String>) -> Failure? {
    let names = verbs.map { $0._commandName }
    guard let word = arguments.first, word.allSatisfy(\.isLetter), word != "help", !names.contains(word),
      access(word, F_OK) != 0
    else {
      return nil
    }
    let meant = names.nearest(to: word) ?? (arguments.count > 1 ? option(nearVerb: word) : nil)
    return meant.map { meant in
      Failure(
        "\(word): there is no such verb, and no such file", arguments.count > 1 ? .usage : .cannotOpen,
        hint: "did you mean \"\(meant)\"?")
    }
  }

  /// What is written as a verb and is an option of the default one.
  private static func option(nearVerb word: String) -> String? {
    let formats = ConversionFormat.allCases.map(\.rawValue)
    return (["summary"] + formats).nearest(to: word).map { name in
      name == "summary" ? "kconvert MODEL --summary" : "kconvert MODEL --to \(name)"
    }
  }

  /// What the parser of arguments found, or a command before its work.
  static func usageFailure(_ error: any Error, _ arguments: ArraySlice<String>) -> Failure {
    if let failure = misspeltOption(error, arguments) { return failure }
    let told = message(for: error)
    let lines = told.split(separator: "\n").map { $0.trimmingPrefix { $0 == " " } }
    // "… one of the following:" and a line for each.
    let values = lines.dropFirst().map { String($0.trimmingPrefix("- ")) }
    let line = ([lines.first.map(String.init) ?? told] + [values.joined(separator: ", ")]).filter {
      !$0.isEmpty
    }
    let help = "see kconvert \(verb(of: arguments)._commandName) --help"
    return Failure(line.joined(separator: " "), .usage, hint: misspeltValue(told, values) ?? help)
  }

  /// The verb that is meant.
  private static func verb(of arguments: ArraySlice<String>) -> ParsableCommand.Type {
    verbs.first { $0._commandName == arguments.first } ?? Convert.self  // The default verb.
  }

  /// An option that must be given is told to be missing before another one is told to be unknown, which may be it.
  private static func misspeltOption(_ error: any Error, _ arguments: ArraySlice<String>) -> Failure? {
    let told = message(for: error)
    let missing = "Missing expected argument '"
    guard told.hasPrefix(missing) else { return nil }
    let option = String(told.dropFirst(missing.count).prefix { $0 != " " && $0 != "'" })
    let known = helpMessage(for: verb(of: arguments)).split { " \n,[]".contains($0) }.map(String.init)
    let words = arguments.filter { $0.hasPrefix("--") && !known.contains($0) }
    guard option.hasPrefix("--"), let word = words.nearest(to: option) else { return nil }
    return Failure("\(word): there is no such option", .usage, hint: "did you mean \"\(option)\"?")
  }

  /// A value that is near one of those that an option takes.
  private static func misspeltValue(_ told: String, _ listed: [String]) -> String? {
    let quoted = told.split(separator: "'", omittingEmptySubsequences: false).enumerated()
      .filter { !$0.offset.isMultiple(of: 2) }.map { String($0.element) }
    guard told.hasPrefix("The value '"), let word = quoted.first else { return nil }
    let values = listed.isEmpty ? Array(quoted.dropFirst(2)) : listed
    return values.nearest(to: word).map { "did you mean \"\($0)\"?" }
  }
}

extension ValidationError {
  /// Refuses an option's number that is not positive, or above a limit. One that was not given is neither.
  static func check(_ number: Int?, isPositive option: String, upTo limit: Int = .max) throws {
    guard let number, !(1...limit).contains(number) else { return }
    throw ValidationError("\(option): expected a positive number, found \(number)")
  }
}
