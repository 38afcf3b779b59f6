// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "ModelServer",
  platforms: [.macOS(.v14)],
  dependencies: [.package(name: "kconvert", path: "../..")],
  targets: [
    .executableTarget(name: "ModelServer", dependencies: [.product(name: "Kconvert", package: "kconvert")])
  ],
  swiftLanguageModes: [.v6]
)
