# Homebrew formula: `brew install --HEAD --formula Packaging/kconvert.rb` in a checkout. A tap that has releases adds `url` and
# `sha256` of the tag's archive, and the address where the project is published as its homepage.
class Kconvert < Formula
  desc "Reads Keras model files of every era: tables, predictions, ONNX, safetensors"
  homepage "https://example.org/kconvert"
  license "Apache-2.0"
  head "file://#{File.expand_path("..", __dir__)}", using: :git, branch: "main"

  depends_on "pkg-config" => :build
  depends_on xcode: ["16.3", :build]
  depends_on "hdf5"
  depends_on "libdeflate"
  depends_on "libyaml"
  depends_on "minizip"
  depends_on "onednn"
  depends_on "protobuf-c"
  uses_from_macos "zlib"

  def install
    ["kconvert", "kconvert-hdf5"].each do |product|
      system "swift", "build", "--disable-sandbox", "-c", "release", "--product", product
    end
    system "Scripts/install_files.sh", ".build/release/kconvert", prefix
  end

  test do
    (testpath/"empty.keras").write ""
    output = shell_output("#{bin}/kconvert #{testpath}/empty.keras 2>&1", 2)
    assert_match "not a Keras model: the file is empty", output
    assert_match version.to_s, shell_output("#{bin}/kconvert --version") unless build.head?
  end
end
