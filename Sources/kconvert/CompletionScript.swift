import ArgumentParser

/// The completions of swift-argument-parser for a shell, in which words without a verb are completed as those of the default one:
/// `kconvert model.keras --to …`.
enum CompletionScript {
  private static let option = "--generate-completion-script"

  /// The script that the arguments ask for; nil where they ask for something else.
  static func requested(by arguments: ArraySlice<String>) -> String? {
    let words = arguments.flatMap { $0.split(separator: "=", maxSplits: 1) }
    guard words.count == 2, words[0] == option, let shell = CompletionShell(rawValue: String(words[1])) else {
      return nil
    }
    let script = KConvert.completionScript(for: shell)
    switch shell {
    case .bash: return script.replacing(entry, with: bash + inner)
    case .zsh: return script.replacing(entry, with: zsh + inner)
    case .fish: return script.replacing(fishTokens, with: fishTokens + fish) + fishFiles
    default: return script  // A shell that this package does not know of yet.
    }
  }

  private static let verbs: [String] =
    KConvert.configuration.subcommands.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
    + ["help"]

  /// Where the function that a shell calls begins; it gets a name of its own, and ours stands before it.
  private static let entry = "\n_kconvert() {\n"
  private static let inner = "\n_kconvert_words() {\n"

  /// The first word may be a verb or a model; what begins with a dash, and whatever follows a model, is of the default verb.
  private static let bash = """

    _kconvert() {
        local -a found=()
        case "${COMP_WORDS[1]}" in
        \(verbs.joined(separator: "|"))) ;;
        *)
            if [[ "${COMP_CWORD}" -eq 1 && "${2}" != -* ]]; then
                _kconvert_words "${@}"
                found=("${COMPREPLY[@]}")
                COMPREPLY=()
            fi
            COMP_WORDS=("${COMP_WORDS[0]}" convert "${COMP_WORDS[@]:1}")
            COMP_CWORD=$((COMP_CWORD + 1))
            ;;
        esac
        _kconvert_words "${@}"
        COMPREPLY+=("${found[@]}")
    }

    """

  private static let zsh = """

    _kconvert() {
        if [[ "${words[2]}" != (\(verbs.joined(separator: "|"))) ]]; then
            if [[ "${CURRENT}" -eq 2 && "${words[2]}" != -* ]]; then
                _files
            else
                words=("${words[1]}" convert "${(@)words[2,-1]}")
                (( CURRENT++ ))
            fi
        fi
        _kconvert_words "${@}"
    }

    """

  private static let fishTokens = "    set -l unparsed_tokens (__kconvert_tokens -pc)\n"
  private static let fish = """
        if not contains -- "$unparsed_tokens[2]" \(verbs.joined(separator: " "))
            if test (count $unparsed_tokens) -gt 1; or string match -q -- '-*' (commandline -ct)
                set unparsed_tokens $unparsed_tokens[1] convert $unparsed_tokens[2..]
            end
        end

    """
  private static let fishFiles =
    "\ncomplete -c 'kconvert' -n '__kconvert_should_offer_completions_for_positional \"kconvert\" -eq 1' -F\n"
}
