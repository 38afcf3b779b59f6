import Foundation
import KerasExport
import KerasImport
import ModelFiles
import ModelIR
import NativeFormat

/// Mutation of an archive's configuration: the zip, the JSON and the weights stay valid.
enum ConfigMutation {
  static func mutated(_ archive: [UInt8], _ random: inout FuzzRandom) -> [UInt8]? {
    // What is not an archive is left to the targets of bytes.
    guard let storage = try? MemoryStorage(filled: archive.count, { $0.copyBytes(from: archive) }),
      let held = try? storage.withBytes({ HeldBytes($0, owner: storage) }),  // As above.
      let members = try? ZipArchive(held).members  // As above.
    else { return nil }
    let path = "\(NSTemporaryDirectory())/kconvert-mutation-\(ProcessInfo.processInfo.processIdentifier)"
    defer { unlink(path) }
    do {
      let zip = try ZipWriter(replacing: path)
      for member in members.values.sorted(by: { $0.position < $1.position }) {
        var bytes = try member.content().withBytes { Array($0) }
        if member.name == "config.json" {
          var value = try JSONValue(parsing: bytes)
          for _ in 0...random.below(3) { mutate(&value, &random) }
          bytes = Array(value.text().utf8)
        }
        try zip.add(member.name, bytes)
      }
      try zip.finish()
      return FileManager.default.contents(atPath: path).map(Array.init)
    } catch {
      return nil
    }
  }

  /// Changes one value somewhere below.
  private static func mutate(_ value: inout JSONValue, _ random: inout FuzzRandom) {
    switch value {
    case .object(var members):
      guard !members.isEmpty, random.below(12) > 0 else { value = scalar(&random); return }
      let key = members.keys[random.below(members.count)]
      if random.below(20) == 0 {
        members.removeValue(forKey: key)
      } else if var child = members[key] {
        mutate(&child, &random)
        members[key] = child
      }
      value = .object(members)
    case .array(var items):
      guard !items.isEmpty, random.below(12) > 0 else { value = scalar(&random); return }
      let place = random.below(items.count)
      switch random.below(16) {
      case 0: items.remove(at: place)
      case 1: items.append(items[place])
      case 2: items += Array(repeating: items[place], count: 1 << random.below(8))
      default: mutate(&items[place], &random)
      }
      value = .array(items)
    case .null, .bool, .integer, .number, .string: value = scalar(&random)
    }
  }

  private static func scalar(_ random: inout FuzzRandom) -> JSONValue {
    switch random.below(8) {
    case 0, 1, 2:
      .integer(
        random.pick([
          0, -1, 1, 2, 3, 7, -2, 64, 65, 1 << 20, 1 << 31, -(1 << 31), (1 << 31) - 1, .max, .min, 1 << 40,
        ]))
    case 3: .number(random.pick([0, -0.0, 1e308, -1e308, .nan, .infinity, -.infinity, 0.5, 1e18, 9.3e18]))
    case 4: .bool(random.below(2) == 0)
    case 5: .null
    case 6: .array(Array(repeating: .integer(random.pick([0, 1, -1, .max])), count: random.below(5)))
    default:
      .string(
        random.pick([
          "", "same", "valid", "causal", "channels_first", "channels_last", "int32", "float16", "string",
          "bool",
          "relu", "softmax", "Dense", "Conv2D", "Flatten", "LSTM", "Dot", "reflect", "\u{202E}", "a/b", "..",
          String(repeating: "x", count: 10_000),
        ]))
    }
  }
}
