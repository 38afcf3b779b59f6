// swift-tools-version: 6.1
import PackageDescription

// The targets are listed bottom-up: the dependency list is the architecture. See Documentation/Design.md.
let package = Package(
  name: "kconvert",
  platforms: [.macOS(.v14)],
  products: [
    .library(name: "Kconvert", targets: ["Kconvert"]),
    .library(name: "KerasImport", targets: ["KerasImport"]),
    .library(name: "ModelIR", targets: ["ModelIR"]),
    .library(name: "NativeFormat", targets: ["NativeFormat"]),
    .library(name: "NativeRuntime", targets: ["NativeRuntime"]),
    .library(name: "ONNXExport", targets: ["ONNXExport"]),
    .library(name: "ONNXImport", targets: ["ONNXImport"]),
    .library(name: "KerasExport", targets: ["KerasExport"]),
    .library(name: "ModelPictures", targets: ["ModelPictures"]),
    .executable(name: "kconvert", targets: ["KconvertCommand"]),
    .plugin(name: "KConvertPlugin", targets: ["KConvertPlugin"]),
    .executable(name: "kconvert-hdf5", targets: ["HDF5Helper"]),
  ],
  traits: [
    // Without any: native files, safetensors, JSON, and the forward pass on this package's own kernels; no system library.
    .trait(
      name: "OneDNN", description: "Kernels of oneDNN for the forward pass, loaded when a model is run."),
    .trait(
      name: "HDF5", description: "HDF5 files: libhdf5, loaded when one is opened.",
      enabledTraits: ["Archives"]),
    .trait(name: "Archives", description: "Zip archives, .keras and .npz: minizip, zlib and libdeflate."),
    .trait(name: "YAML", description: "Architectures in YAML, up to TensorFlow 2.5: libyaml."),
    .trait(name: "ONNX", description: "ONNX files, written and read by Kconvert: protobuf-c."),
    // A trait, since a plugin's tool is compiled a second time by whoever might use it, this package itself included.
    .trait(name: "BuildTool", description: "KConvertPlugin, which converts models while a program is built."),
    .default(enabledTraits: ["OneDNN", "HDF5", "YAML", "ONNX"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // C libraries, each behind a module map and one shim header.
    .systemLibrary(
      name: "CMinizip", pkgConfig: "minizip",
      providers: [.apt(["libminizip-dev", "zlib1g-dev"]), .brew(["minizip"])]),
    .systemLibrary(
      name: "CProtobufC", pkgConfig: "libprotobuf-c",
      providers: [.apt(["libprotobuf-c-dev"]), .brew(["protobuf-c"])]),
    .systemLibrary(
      name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"]), .brew(["libyaml"])]),
    .target(
      name: "CHDF5", exclude: ["functions.def"],
      // Loads the library when it is needed.
      cSettings: [.define("KCONVERT_HDF5", .when(traits: ["HDF5"]))]),
    .systemLibrary(
      name: "CDeflate", pkgConfig: "libdeflate",
      providers: [.apt(["libdeflate-dev"]), .brew(["libdeflate"])]),
    .target(name: "CSystem"),
    .target(name: "CKernels"),
    .target(name: "COneDNN", cSettings: [.define("KCONVERT_ONEDNN", .when(traits: ["OneDNN"]))]),
    .target(name: "CONNX", dependencies: ["CProtobufC"], exclude: ["onnx.proto"]),

    // Files as the system gives and takes them: mapped, in tiles, under their name when they are complete.
    .target(name: "ModelFiles", dependencies: ["CSystem"]),

    // The graph that every consumer reads.
    .target(name: "ModelIR", dependencies: ["ModelFiles", "CKernels"]),

    // Protocol buffers as they lie in a file, for TensorFlow's formats and ONNX's.
    .target(name: "ProtobufWire", dependencies: ["ModelFiles", "ModelIR"]),
    // What ONNX calls things, both ways: shared by the writer and the reader of its files.
    .target(name: "ONNXFormat", dependencies: ["ModelIR"]),

    // Reading Keras: archive -> config -> graph -> weights -> lowering -> ModelIR.
    .target(name: "HDF5", dependencies: ["CHDF5", "CSystem"]),
    // In which programs with threads have libhdf5 read files of strangers.
    .executableTarget(name: "HDF5Helper", dependencies: ["HDF5"]),
    .target(name: "NativeFormat", dependencies: ["ModelFiles", "ModelIR"]),
    .target(
      name: "KerasImport",
      dependencies: [
        "HDF5", "CKernels", "ModelFiles", "NativeFormat", "ProtobufWire", "ModelIR",
        .target(name: "CDeflate", condition: .when(traits: ["Archives"])),
        .target(name: "CMinizip", condition: .when(traits: ["Archives"])),
        .target(name: "CYAML", condition: .when(traits: ["YAML"])),
      ]),

    // One target per consumer.
    .target(name: "NativeRuntime", dependencies: ["ModelFiles", "ModelIR", "CKernels", "COneDNN"]),
    .target(name: "ONNXExport", dependencies: ["ModelFiles", "ModelIR", "ONNXFormat", "CONNX"]),
    // The way back: ONNX files that ONNXExport wrote, to verify them.
    .target(name: "ONNXImport", dependencies: ["ModelFiles", "ModelIR", "ONNXFormat", "ProtobufWire"]),
    .target(
      name: "KerasExport",
      dependencies: ["ModelFiles", "KerasImport", "NativeFormat", "ModelIR", "HDF5"]),

    .target(name: "ModelPictures", dependencies: ["KerasImport", "NativeFormat", "ModelIR"]),

    // Everything under one name, with what needs Foundation: URLs, errors that applications show.
    .target(
      name: "Kconvert",
      dependencies: [
        "ModelFiles", "KerasImport", "ModelIR", "HDF5", "NativeFormat", "NativeRuntime", "KerasExport",
        .target(name: "ONNXExport", condition: .when(traits: ["ONNX"])),
        .target(name: "ONNXImport", condition: .when(traits: ["ONNX"])),
      ], path: "Sources/Umbrella"),

    // Named apart from the library, from which file systems that ignore case could not tell it.
    .executableTarget(
      name: "KconvertCommand",
      dependencies: [
        "KerasImport", "ModelIR", "NativeFormat", "NativeRuntime", "ONNXExport", "ONNXImport", "KerasExport",
        "ModelPictures", "ModelFiles", "CSystem",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        // For their versions alone.
        .target(name: "CDeflate", condition: .when(traits: ["Archives"])),
        .target(name: "CMinizip", condition: .when(traits: ["Archives"])),
        .target(name: "CYAML", condition: .when(traits: ["YAML"])),
        .target(name: "CProtobufC", condition: .when(traits: ["ONNX"])),
      ], path: "Sources/kconvert"),

    // Converts the models of somebody's target while it is built.
    .plugin(
      name: "KConvertPlugin", capability: .buildTool(),
      dependencies: [.target(name: "KconvertCommand", condition: .when(traits: ["BuildTool"]))]),

    // The targets of the fuzzer, see Scripts/fuzz.sh.
    .executableTarget(
      name: "Fuzzing",
      dependencies: [
        "HDF5", "ModelFiles", "KerasImport", "ModelIR", "NativeFormat", "NativeRuntime", "ONNXExport",
        "ONNXImport",
        "KerasExport",
      ]),

    .testTarget(name: "ModelIRTests", dependencies: ["ModelFiles", "ModelIR"]),
    .target(name: "GraphTesting", dependencies: ["ModelIR", "NativeRuntime"], path: "Tests/GraphTesting"),
    .testTarget(name: "PassTests", dependencies: ["GraphTesting", "ModelIR"]),
    .testTarget(
      name: "ONNXExportTests", dependencies: ["GraphTesting", "ModelIR", "ONNXFormat", "ONNXExport"]),
    .testTarget(
      name: "ONNXImportTests",
      dependencies: ["ModelFiles", "ModelIR", "NativeRuntime", "ProtobufWire", "ONNXImport"]),
    .testTarget(
      name: "ConformanceTests",
      dependencies: [
        "ModelFiles", "KerasImport", "KerasExport", "ModelIR", "NativeFormat", "NativeRuntime", "ONNXExport",
        "ONNXImport",
      ]),
    .testTarget(
      name: "DocumentationTests",
      dependencies: [
        "Kconvert", "ModelFiles", "KerasImport", "ModelIR", "NativeFormat", "NativeRuntime", "ONNXExport",
      ]),
    .testTarget(name: "KconvertTests", dependencies: ["Kconvert", "ONNXImport"]),
    .testTarget(
      name: "ModelPicturesTests", dependencies: ["ModelPictures", "KerasImport", "NativeFormat", "ModelIR"]),
    .testTarget(
      name: "CommandTests",
      dependencies: ["KconvertCommand", "ModelFiles", "KerasImport", "NativeFormat", "ModelIR"]),
    .testTarget(name: "HDF5Tests", dependencies: ["HDF5", "HDF5Helper", "CHDF5", "CSystem"]),
    .testTarget(name: "NativeRuntimeTests", dependencies: ["NativeRuntime", "ModelFiles", "ModelIR"]),
    .testTarget(name: "NativeFormatTests", dependencies: ["NativeFormat", "ModelFiles", "ModelIR"]),
    .testTarget(
      name: "KerasImportTests",
      dependencies: ["KerasImport", "NativeFormat", "ModelFiles", "ModelIR", "HDF5", "HDF5Helper"]),
  ],
  swiftLanguageModes: [.v6]
)

// An import is part of a target's interface only where it says so.
for target in package.targets where target.type == .regular {
  target.swiftSettings = (target.swiftSettings ?? []) + [.enableUpcomingFeature("InternalImportsByDefault")]
}
