# A thin front to scripts/setup and the CMake presets. Every target works from a fresh clone and, called again, does
# nothing that is done already.

PREFIX ?= /usr/local
# A file that includes torch/torch.h takes 1.4 GB to compile: as many jobs as cores, but no more than memory carries.
JOBS ?= $(shell awk -v cores=$$(nproc) '/^MemAvailable/ { fit = int($$2 / 2e6); print fit < 1 ? 1 : fit < cores ? fit : cores }' /proc/meminfo)

# configs/digits.yaml names this folder.
digits := build/digits
build := cmake --build --parallel $(JOBS)

.DEFAULT_GOAL := help
.PHONY: help setup build demo check test test-sanitizers test-asan test-tsan benchmarks soak install
.PHONY: format format-check tidy tidy-changed clean

# Says what begins, with the time it takes on two cores when nothing of it was ever compiled.
say = @printf '\n== %s\n'

help:
	@echo "make setup               install what is missing: packages, LibTorch (LIBTORCH=DIR: use that one)"
	@echo "make build               build everything, optimised, in build/release"
	@echo "make demo                train a small CNN on handwritten digits"
	@echo "make check               build, run the tests that take seconds, look at the form: for every day"
	@echo "make test                build, and run all tests"
	@echo "make test-sanitizers     those that sanitizers can check: make test-asan, make test-tsan"
	@echo "make benchmarks          build the programs that benchmarks/compare measures"
	@echo "make soak                the kill tests, twenty times each, and an hour of changed input for each parser"
	@echo "make install PREFIX=DIR  install the libraries, headers, CMake package and the program (default: $(PREFIX))"
	@echo "make format              give all sources their form (format-check: look only); scripts/setup --dev has the tools"
	@echo "make tidy                clang-tidy on all sources (tidy-changed: on the lines changed SINCE=$(SINCE))"
	@echo "make clean               remove build/ (LibTorch and ccache's results stay in the user's cache)"

setup:
	@scripts/setup

# Configuring once is enough: the build configures again when a CMake file changes.
build/%/build.ninja:
	cmake --preset $*

build: setup build/release/build.ninja
	$(say) 'building everything, optimised (10 minutes the first time)'
	$(build) --preset release

demo: setup build/release/build.ninja
	$(say) 'building the program (2 minutes the first time)'
	$(build) --preset release --target apps/millrace
	$(say) 'training on handwritten digits (seconds)'
	@scripts/digits $(digits)
	build/release/apps/millrace train configs/digits.yaml

# What scripts/format says when it has no clang-format.
not_installed := 75

check: build
	$(say) 'running the tests that take seconds (2 minutes)'
	ctest --preset release --parallel $(JOBS) --label-exclude '^slow$$'
	@scripts/format --check || [ $$? = $(not_installed) ]

test: build
	$(say) 'running all tests (8 minutes the first time, then 5)'
	ctest --preset release --parallel $(JOBS)

test-sanitizers: test-asan test-tsan

test-asan test-tsan: test-%: setup build/%/build.ninja
	$(say) 'building the tests of the $* preset (asan 10 minutes the first time, tsan 1)'
	$(build) --preset $*
	$(say) 'running them (asan 3 minutes, tsan 1)'
	ctest --preset $* --parallel $(JOBS)

benchmarks: setup build/release/build.ninja
	$(say) 'building the benchmarks (2 minutes the first time, after make build)'
	$(build) --preset release --target benchmarks

soak: build
	$(say) 'running the kill tests twenty times each (10 minutes), and each parser on changed input for an hour (12 hours)'
	ctest --preset release --build-config Soak --label-regex '^soak$$'

install: setup build/release/build.ninja
	$(build) --preset release --target millrace_installed
	cmake --install build/release --prefix $(abspath $(PREFIX))

format:
	@scripts/format

format-check:
	@scripts/format --check

# What the lines to look at have changed since.
SINCE ?= origin/main

tidy: build/dev/build.ninja
	@JOBS=$(JOBS) scripts/tidy

tidy-changed: build/dev/build.ninja
	@JOBS=$(JOBS) scripts/tidy --since $(SINCE)

clean:
	rm -rf build
