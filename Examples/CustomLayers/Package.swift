// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "CustomLayers",
  platforms: [.macOS(.v14)],
  dependencies: [.package(name: "kconvert", path: "../..")],
  targets: [
    .executableTarget(name: "CustomLayers", dependencies: [.product(name: "Kconvert", package: "kconvert")])
  ],
  swiftLanguageModes: [.v6]
)
