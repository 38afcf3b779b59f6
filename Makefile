# Two commands do everything on a fresh machine: `make demo` and `make test`.

SHELL := /bin/sh
KCONVERT := .build/release/kconvert
DEMO := fixtures/cases/seed/cnn
VENV := .build/venv

EXAMPLES := PretrainedWeights ImageClassifier CustomLayers ModelServer FileBrowser

# The linker of the toolchain leaves out what is never called, `-s` the names that only a debugger reads and the option behind it
# those that a library loaded later could ask for: 24.5 MB in
# place of 106. They stand here because the manifest of a library may not set them.
ifeq ($(shell uname), Linux)
RELEASE := --static-swift-stdlib -Xswiftc -use-ld=lld -Xlinker -s -Xlinker --no-export-dynamic
endif

.PHONY: demo test pictures build examples cluster-examples install deb release docs portable system format

demo: build
	$(KCONVERT) $(DEMO)/model.keras --summary
	$(KCONVERT) run $(DEMO)/model.keras --inputs $(DEMO)/inputs.npz --outputs .build/demo-outputs.npz
	$(KCONVERT) $(DEMO)/model.keras --to onnx -o .build/demo.onnx
	@ls -l .build/demo-outputs.npz .build/demo.onnx

build: system
	swift build -c release $(RELEASE) --product kconvert
	swift build -c release $(RELEASE) --product kconvert-hdf5

test: system $(VENV)/ready
	KCONVERT_STRICT=1 swift test
	python3 Scripts/unsafe_places.py
	python3 Scripts/fallbacks.py
	Scripts/without_system_libraries.sh
	Scripts/onednn3.sh
	Scripts/fuzz.sh
	$(VENV)/bin/python Scripts/judge_kernels.py
	$(VENV)/bin/python Scripts/judge_onnx.py
	$(VENV)/bin/python Scripts/judge_options.py
	$(VENV)/bin/python Scripts/judge_verify.py
	$(VENV)/bin/python Scripts/judge_native.py
	$(VENV)/bin/python Scripts/judge_keras.py
	$(VENV)/bin/python Scripts/judge_built.py
	$(VENV)/bin/python Scripts/judge_pictures.py
	if command -v chromium || command -v google-chrome; then $(VENV)/bin/python Scripts/judge_pictures.py --browser; fi
	python3 Scripts/judge_terminal.py
	$(VENV)/bin/python Scripts/judge_kill.py
	$(VENV)/bin/python Scripts/judge_odd.py --every 4
	$(VENV)/bin/python Scripts/judge_hostile.py --every 8
	$(VENV)/bin/python Scripts/public_api.py
	$(VENV)/bin/python Scripts/documentation.py
	Scripts/outside_program.sh
	Scripts/plugin.sh
	# The optimised command too: a debug build does not show every fault.
	$(MAKE) demo
	$(MAKE) examples
	$(MAKE) cluster-examples
	# What people install, and the pages about it.
	python3 Scripts/manual.py $(KCONVERT) --check
	$(MAKE) release
	if command -v dpkg-deb >/dev/null; then $(MAKE) deb; fi
	python3 Scripts/judge_packaging.py
	$(MAKE) portable

# The pages of --to html in a headless Chromium, light and dark.
pictures: $(VENV)/ready
	Scripts/install-system-packages.sh --browser
	swift build --product kconvert
	$(VENV)/bin/python Scripts/judge_pictures.py
	$(VENV)/bin/python Scripts/judge_pictures.py --browser

# The packages in Examples, built as programs that depend on this package by path.
examples:
	for name in $(EXAMPLES); do \
	  swift build -c release --package-path Examples/$$name --scratch-path .build/examples && \
	  (cd Examples/$$name && ../../.build/examples/release/$$name) || exit 1; \
	done

# The programs for Ray and for Spark in local mode; Spark needs Java.
CLUSTERS := .build/clusters
cluster-examples: build $(CLUSTERS)/ready
	$(CLUSTERS)/bin/python Examples/clusters_test.py $(KCONVERT)

$(CLUSTERS)/ready:
	python3 -m venv $(CLUSTERS)
	$(CLUSTERS)/bin/pip install --quiet --disable-pip-version-check ray pyspark pyarrow
	touch $@

# The command, the program that reads HDF5 files for others, the manual page and completions for bash, zsh and fish. What `make build` made is installed: no compiler runs as root.
PREFIX ?= /usr/local
install:
	Scripts/install_files.sh $(KCONVERT) $(DESTDIR)$(PREFIX)

# A Debian package of the release binary, unpacked and run.
deb: build
	Scripts/package_deb.sh $(KCONVERT) .build/kconvert.deb
	Scripts/test_packages.sh .build/kconvert.deb

# An archive of the release binary with what `make install` installs.
release: build
	Scripts/package_tar.sh $(KCONVERT) .build
	Scripts/test_packages.sh .build/kconvert-*.tar.gz

# The documentation of every library; a warning is an error.
docs: system
	swift build
	python3 Scripts/documentation.py .build/docs

# Compiles the libraries without what only Linux has.
portable: system
	Scripts/without_linux.sh

$(VENV)/ready: Scripts/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r Scripts/requirements.txt
	touch $@

# Installs the system libraries that are missing.
system:
	@Scripts/install-system-packages.sh

format:
	swift format -i -r Sources Tests Examples Package.swift
