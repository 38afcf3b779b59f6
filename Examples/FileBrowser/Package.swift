// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "FileBrowser",
  platforms: [.macOS(.v14)],
  dependencies: [.package(name: "kconvert", path: "../..")],
  targets: [
    .executableTarget(
      name: "FileBrowser",
      dependencies: [
        .product(name: "Kconvert", package: "kconvert"),
        // Built beside the program, which has files read by it.
        .product(name: "kconvert-hdf5", package: "kconvert"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
