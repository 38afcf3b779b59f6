// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "BundledModel",
  platforms: [.macOS(.v14)],
  dependencies: [.package(name: "kconvert", path: "../..", traits: [.defaults, "BuildTool"])],
  targets: [
    .executableTarget(
      name: "BundledModel",
      dependencies: [
        .product(name: "KerasImport", package: "kconvert"),
        .product(name: "NativeFormat", package: "kconvert"),
        .product(name: "NativeRuntime", package: "kconvert"),
      ],
      resources: [.copy("example.safetensors")],
      plugins: [.plugin(name: "KConvertPlugin", package: "kconvert")])
  ],
  swiftLanguageModes: [.v6]
)
