// The fuzzer's driver: `Fuzzing TARGET CORPUS [--seed N] [--count N] [--save FILE]` runs a target on inputs made from a
// corpus; the seed alone decides each. Built with `-Xswiftc -sanitize=fuzzer,address -Xswiftc -DLIBFUZZER` the same
// targets run under libFuzzer: `FUZZ_TARGET=json Fuzzing CORPUS -runs=N`. See Scripts/fuzz.sh.

import Foundation

#if LIBFUZZER
  @_silgen_name("LLVMFuzzerRunDriver")
  private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
  ) -> Int32

  /// One input; libFuzzer's library asks for the name.
  @_cdecl("LLVMFuzzerTestOneInput")
  func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let input = UnsafeBufferPointer(start: bytes, count: count)
    // Kernels are made from a seed alone.
    let seed = input.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    FuzzTarget.selected?.run(Array(input), seed: seed)
    return 0
  }

  guard FuzzTarget.selected != nil else {
    FileHandle.standardError.write(Data("FUZZ_TARGET names none of \(FuzzTarget.allCases)\n".utf8))
    exit(64)
  }
  var count = CommandLine.argc
  var arguments = CommandLine.unsafeArgv
  exit(runDriver(&count, &arguments, testOneInput))
#else
  try FuzzDriver(Array(CommandLine.arguments.dropFirst())).run()
#endif
