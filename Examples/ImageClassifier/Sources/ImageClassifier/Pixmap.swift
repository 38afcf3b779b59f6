import Foundation

/// An image in the binary formats of the Netpbm family: PGM (`P5`) and PPM (`P6`) of 8 bits.
struct Pixmap {
  let width: Int
  let height: Int
  /// 1 for PGM, 3 for PPM.
  let channels: Int
  /// Row by row, the channels of a pixel together.
  let pixels: [UInt8]

  /// What is wrong with a file.
  struct FormatError: Error, CustomStringConvertible {
    let description: String
  }

  init(contentsOf path: String) throws {
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    var position = 0
    guard let channels = ["P5": 1, "P6": 3][Pixmap.word(bytes, &position)] else {
      throw FormatError(description: "\(path): expected a binary PGM or PPM file")
    }
    let numbers = (0..<3).map { _ in Int(Pixmap.word(bytes, &position)) ?? 0 }
    guard (1...8192).contains(numbers[0]), (1...8192).contains(numbers[1]), numbers[2] == 255 else {
      throw FormatError(description: "\(path): expected sizes and 255, found \(numbers)")
    }
    (self.width, self.height, self.channels) = (numbers[0], numbers[1], channels)
    // One blank ends the header.
    pixels = Array(bytes.dropFirst(position + 1))
    guard pixels.count == width * height * channels else {
      throw FormatError(
        description: "\(path): expected \(width * height * channels) bytes of pixels, found \(pixels.count)")
    }
  }

  /// The next word of the header, after blanks and comments.
  private static func word(_ bytes: [UInt8], _ position: inout Int) -> String {
    var text = ""
    while position < bytes.count {
      let character = Character(Unicode.Scalar(bytes[position]))
      if character == "#", text.isEmpty {
        position = bytes[position...].firstIndex(of: 10) ?? bytes.count
      } else if character.isWhitespace {
        if !text.isEmpty { break }
        position += 1
      } else {
        text.append(character)
        position += 1
      }
    }
    return text
  }
}
