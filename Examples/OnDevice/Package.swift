// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "OnDevice",
  platforms: [.macOS(.v14), .iOS(.v17), .visionOS(.v1)],
  // No traits: native files, safetensors and the forward pass, without a single library of the system.
  dependencies: [.package(name: "kconvert", path: "../..", traits: [])],
  targets: [
    .executableTarget(name: "OnDevice", dependencies: [.product(name: "Kconvert", package: "kconvert")])
  ],
  swiftLanguageModes: [.v6]
)
