// swift-tools-version: 6.2
import PackageDescription

// A program of somebody else's, as strict as Swift 6 lets it be.
let package = Package(
  name: "Outside",
  platforms: [.macOS(.v14)],
  dependencies: [.package(name: "kconvert", path: "../..")],
  targets: [
    .executableTarget(
      name: "Outside", dependencies: [.product(name: "Kconvert", package: "kconvert")],
      swiftSettings: [
        .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"), .strictMemorySafety(),
        .treatAllWarnings(as: .error),
      ])
  ],
  swiftLanguageModes: [.v6]
)
