"""Judge the container recipe and the formula as far as that can be done without a container or Homebrew.

    python3 Scripts/judge_packaging.py

What the recipe copies is enough for the manifest, for `make build` and for `make install`; the packages that it installs are those
of this project and exist in its release of Debian; the formula needs the same libraries and runs commands that are there.
"""
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
FORMULA = ROOT / "Packaging/kconvert.rb"
SYSTEM = (ROOT / "Scripts/install-system-packages.sh").read_text()


def words(pattern, text):
    return [word for found in re.findall(pattern, text) for word in found.split()]


def judge_recipe():
    stages = re.split(r"(?m)^FROM ", DOCKERFILE)[1:]
    assert [stage.split()[0] for stage in stages] == ["swift:6.1-bookworm", "debian:bookworm-slim"], "other images"
    with tempfile.TemporaryDirectory() as folder:
        context = pathlib.Path(folder)
        for line in re.findall(r"(?m)^COPY (?!--from)(.*)$", stages[0]):
            *sources, target = line.split()
            for source in sources:
                place = context / target / source if target.endswith("/") else context / target
                place.parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(ROOT / source, place)
        subprocess.run(["swift", "package", "describe"], cwd=context, check=True, stdout=subprocess.DEVNULL)
        for command in re.search(r"(?m)^RUN (make .*)$", stages[0])[1].split(" && "):
            subprocess.run(command.replace("make", "make -n", 1).split(), cwd=context, check=True, stdout=subprocess.DEVNULL)
        for needed in ["Scripts/install_files.sh", "Scripts/install-system-packages.sh", "Documentation/kconvert.1"]:
            assert (context / needed).exists(), f"the recipe copies no {needed}"
    packages = [words(r"apt-get install -y -qq --no-install-recommends ([^&]*)", stage) for stage in stages]
    wanted = set(words(r"apt-get install -y -qq (pkg-config .*)", SYSTEM)) - {"python3-venv"}
    assert wanted <= set(packages[0]), f"not installed where it is built: {wanted - set(packages[0])}"
    release = pathlib.Path("/etc/os-release")
    if not shutil.which("apt-cache") or not release.exists() or "bookworm" not in release.read_text():
        return print("the recipe copies what is needed; SKIPPED: whether its packages exist is known on Debian 12 alone")
    for name in packages[0] + packages[1]:
        known = subprocess.run(["apt-cache", "policy", name], capture_output=True, text=True).stdout
        assert "Candidate: " in known and "Candidate: (none)" not in known, f"Debian 12 has no package {name}"
    # Every library whose headers are needed in the first stage comes without them in the second.
    for name in [name for name in packages[0] if re.match("lib.*-dev", name) or name == "zlib1g-dev"]:
        depends = subprocess.run(["apt-cache", "depends", name], capture_output=True, text=True).stdout
        libraries = set(re.findall(r"Depends: (\S+)", depends)) & set(packages[1])
        assert libraries, f"the container has no library of {name}"
    print(f"the recipe copies what is needed, and Debian has its {len(packages[0] + packages[1])} packages")


# Just enough of Homebrew to read the formula and see what it would run.
STUB = r"""
class Formula
  class << self
    def needs = (@needs ||= [])
    %i[desc homepage license head url sha256].each { |name| define_method(name) { |*| } }
    def depends_on(what) = needs << (what.is_a?(Hash) ? what.keys.first : what).to_s
    def uses_from_macos(what) = needs << what
    def test = nil
  end
  def prefix = "/prefix"
  def system(*words) = puts(words.join(" "))
end
load ARGV[0]
puts "needs " + Kconvert.needs.join(" ")
Kconvert.new.install
"""


def judge_formula():
    text = FORMULA.read_text()
    wanted = set(words(r"brew install (pkg-config .*)", SYSTEM)) - {"pkg-config"}
    named = set(re.findall(r'depends_on "([^"]*)"', text))
    assert wanted <= named, f"the formula does not name {wanted - named}"
    if not shutil.which("ruby"):
        return print("the formula names every library; SKIPPED: ruby is not installed, the formula was not read by it")
    subprocess.run(["ruby", "-wc", FORMULA], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run(["ruby", "-e", STUB, FORMULA], capture_output=True, text=True, check=True)
    needs, *builds, install = done.stdout.splitlines()
    assert wanted <= set(needs.split()), needs
    products = ["kconvert", "kconvert-hdf5"]
    assert builds == [f"swift build --disable-sandbox -c release --product {name}" for name in products], builds
    script, binary, prefix = install.split()
    assert (ROOT / script).exists() and binary == ".build/release/kconvert" and prefix == "/prefix", install
    print("the formula is read by ruby, names every library, and runs what is there")


judge_recipe()
judge_formula()
