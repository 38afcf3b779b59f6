import Foundation
import PackagePlugin

/// Converts the Keras models of a target while it is built: each file of the target with a suffix of a whole model becomes a
/// `.safetensors` file among its resources, where `Bundle.module` finds it by the model's name.
///
/// Models that the target declares as resources stay as they are. One that kconvert refuses ends the build with its message.
@main struct KConvertPlugin: BuildToolPlugin {
  static let suffixes: Set = ["keras", "h5", "hdf5"]

  func createBuildCommands(context: PluginContext, target: any Target) async throws -> [Command] {
    guard let files = target.sourceModule?.sourceFiles else { return [] }
    let models = files.filter { $0.type == .unknown && Self.suffixes.contains($0.url.pathExtension) }.map(
      \.url)
    try refuseSharedNames(models)
    let tool = try tool(in: context)
    return models.map { model in
      let resource = context.pluginWorkDirectoryURL.appending(path: Self.resource(of: model))
      return .buildCommand(
        displayName: "Converting \(model.lastPathComponent)", executable: tool,
        arguments: [model.path, "--to", "native", "--quiet", "-o", resource.path],
        inputFiles: [model], outputFiles: [resource])
    }
  }

  private func tool(in context: PluginContext) throws -> URL {
    do { return try context.tool(named: "KconvertCommand").url } catch {
      throw Refusal(
        description:
          "the package kconvert needs its trait BuildTool for this plugin: traits: [.defaults, \"BuildTool\"]"
      )
    }
  }

  private static func resource(of model: URL) -> String {
    model.deletingPathExtension().lastPathComponent + ".safetensors"
  }

  /// A bundle has no folders: of two models with one name, one would be lost.
  private func refuseSharedNames(_ models: [URL]) throws {
    for (name, same) in Dictionary(grouping: models, by: Self.resource) where same.count > 1 {
      let paths = same.map(\.path).sorted().joined(separator: ", ")
      throw Refusal(
        description: "expected models with names of their own, found several for \(name): \(paths)")
    }
  }

  /// Why a target cannot be built.
  struct Refusal: Error, CustomStringConvertible {
    let description: String
  }
}
