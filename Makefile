# Two commands do everything on a fresh machine: `make demo` and `make test`.

SHELL := /bin/sh
KCONVERT := .build/release/kconvert
DEMO := fixtures/cases/seed/cnn
VENV := .build/venv

.PHONY: demo test build system format

demo: build
	$(KCONVERT) $(DEMO)/model.keras --summary
	$(KCONVERT) run $(DEMO)/model.keras --inputs $(DEMO)/inputs.npz --outputs .build/demo-outputs.npz
	$(KCONVERT) $(DEMO)/model.keras --to onnx -o .build/demo.onnx
	@ls -l .build/demo-outputs.npz .build/demo.onnx

build: system
	swift build -c release --static-swift-stdlib --product kconvert

test: system $(VENV)/ready
	swift test
	$(VENV)/bin/python Scripts/judge_onnx.py

$(VENV)/ready: Scripts/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r Scripts/requirements.txt
	touch $@

# Installs the system libraries that are missing.
system:
	@Scripts/install-system-packages.sh

format:
	swift format -i -r Sources Tests Package.swift
