// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "ImageClassifier",
  platforms: [.macOS(.v14)],
  dependencies: [.package(name: "kconvert", path: "../..")],
  targets: [
    .executableTarget(
      name: "ImageClassifier",
      dependencies: [
        .product(name: "KerasImport", package: "kconvert"),
        .product(name: "ModelIR", package: "kconvert"),
        .product(name: "NativeFormat", package: "kconvert"),
        .product(name: "NativeRuntime", package: "kconvert"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
