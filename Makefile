# `make` alone lists the targets. Each sets up what it needs first: Debian
# packages that are missing, the virtual environments, the build.
#
# .venv is made from the default interpreter ($(PYTHON)) and holds the tools;
# .venv-3.x, one for every interpreter that tools/pythons.py finds, are for the
# tests, and so is .venv-debian, from the distribution's own interpreter. Each
# has the package as a user gets it, by `pip install .`. The newest interpreters
# come into .pythons by themselves where they are missing: tools/newer_pythons.py.

PYTHON   ?= python3
VERSIONS := 3.11 3.12 3.13 3.14 3.15 debian
SOURCES  := $(shell find include src python meson.build meson.options pyproject.toml \
              -type f -not -name '*.md' -not -path '*/__pycache__/*')
BIN      := .venv/bin
MESON     = NINJA=$(CURDIR)/$(BIN)/ninja $(BIN)/meson
C_FOLDERS = $(wildcard include src tests fuzz bench examples)

# What `make test` can be told: SUITES=c,python-3.13 runs only those.
SUITES     ?=
# Options of examples/demo.py and bench/run.py, as DEMO_ARGS="--size 0.1".
DEMO_ARGS  ?=
BENCH_ARGS ?=
# The Python that `make bench` measures and `make soak` moves in, as VERSION=3.13; else that of .venv.
VERSION    ?=
MEASURED    = .venv$(if $(VERSION),-$(VERSION))
# Parts of bench/ that compare what has to be in the Python that is measured.
PARTS      := $(patsubst bench/%/requirements.txt,%,$(wildcard bench/*/requirements.txt))
# How long `make soak` and `make fuzz` run, in seconds.
DURATION   ?= 300
# Those that `make wheels` builds; none means all.
WHEELS     ?=
# Those that `make test-arm64` runs: of the oldest and of the newest Python.
ARM64_WHEELS := cp311-aarch64 cp315-aarch64

, := ,
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test test-arm64 test-musl bench fmt check soak fuzz wheels clean
.PHONY: system system-tests system-arm64 system-musl test-builds

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

# ---- What users call --------------------------------------------------------

demo: .venv/has-demo .venv/has-package ## run the memory experiments, on CPython's heap and on Shoal
	@$(BIN)/python examples/demo.py $(DEMO_ARGS)

test: system-tests .venv/has-build ## run every test, on every supported Python found
	@case ",$(SUITES)," in ,, | *-3.*) $(BIN)/python tools/newer_pythons.py;; esac
	@for version in `$(PYTHON) tools/pythons.py | cut -d' ' -f1`; do \
	    case ",$(SUITES)," in ,, | *-$$version,*) echo $$version;; esac; \
	done | xargs -P `nproc` -I {} $(MAKE) .venv-{}/has-test .venv-{}/has-package
	@case ",$(SUITES)," in ,, | *,floats-*) \
	    $(MAKE) build/floats-`$(PYTHON) tools/pythons.py --newest`/has-package;; \
	esac
	@$(MAKE) test-builds
	@$(BIN)/python tools/run_suites.py $(if $(SUITES),--only $(SUITES))

test-arm64: system-arm64 .venv/has-build .venv/has-compiler ## run the C tests and the wheels as on arm64, in an emulator
	@$(BIN)/python tools/arm64.py get
	@$(MAKE) wheels WHEELS="$(ARM64_WHEELS)" build/arm64/build.ninja
	@$(BIN)/python tools/run_suites.py --only c-arm64,package-arm64; status=$$?; \
	$(BIN)/python tools/arm64.py skipped; exit $$status

test-musl: system-musl .venv/has-build .venv/has-compiler ## run the C tests on the C library of Alpine
	@$(BIN)/python tools/musl.py
	@$(MAKE) build/musl/build.ninja
	@$(MESON) compile -C build/musl shoal:shared_library
	@$(BIN)/python tools/run_suites.py --only c-musl,preload-musl

bench: .venv/has-bench $(PARTS:%=$(MEASURED)/has-bench-%) $(MEASURED)/has-package ## measure speed and memory against other allocators (long)
	@$(BIN)/python -m bench.peers --install
	@$(BIN)/python -m bench.run --python $(MEASURED)/bin/python $(BENCH_ARGS)

fmt: .venv/has-check ## format the C and Python files
	@find $(C_FOLDERS) -name '*.[ch]' | xargs $(BIN)/clang-format -i
	@$(BIN)/ruff check -q --fix-only .
	@$(BIN)/ruff format -q .

check: .venv/has-check ## check format, types, layers and sizes, change nothing
	@$(BIN)/python tools/check.py

soak: system-tests .venv/has-build build/tests/build.ninja $(MEASURED)/has-package ## threads, forks, random sizes and graphs, each for DURATION=300; CPython's tests while all moves
	@$(MESON) compile -C build/tests soak
	@tests/soak/run.sh build/tests $(DURATION)
	@$(MEASURED)/bin/python -m shoal run tests/python/compact/graphs.py `date +%s` $(DURATION)
	@$(MEASURED)/bin/python tests/cpython/run_suite.py --python $(MEASURED)/bin/python --moving --whole

fuzz: system-tests .venv/has-build build/address/build.ninja ## random operations, processes, literals and pickles for DURATION=300
	@$(MESON) compile -C build/address
	@fuzz/run.sh build/address $(DURATION) $(BIN)/python

wheels: .venv/has-build .venv/has-compiler ## build the wheels, WHEELS="cp313-aarch64" or all, into dist/
	@versions=`$(BIN)/python tools/wheels.py --pythons $(WHEELS)` || exit 2; \
	$(BIN)/python tools/newer_pythons.py $$versions; \
	for version in $$versions; do \
	    $(PYTHON) tools/pythons.py $$version >/dev/null 2>&1 && $(MAKE) .venv-$$version/has-wheels; \
	done; \
	$(BIN)/python tools/wheels.py $(WHEELS)

clean: ## remove everything that was built or installed here
	@rm -rf build dist .arm64 .pythons .venv .venv-* .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- Debian packages --------------------------------------------------------

system:
	@PYTHON=$(PYTHON) tools/system_packages.sh

system-tests system-arm64 system-musl:
	@PYTHON=$(PYTHON) tools/system_packages.sh $(@:system-%=%)

# ---- Virtual environments ---------------------------------------------------
# DIR/made: it exists. DIR/has-X: the dependency group X of pyproject.toml is
# in it. DIR/has-package: the package is, built from the sources of now.

define environment # DIR, SHELL COMMAND THAT PRINTS THE INTERPRETER
$(1)/made: | system
	@python=`$(2)` && echo "make: $(1) from $$$$python" && "$$$$python" -m venv $(1)
	@$(1)/bin/python -m pip install -q --upgrade 'pip>=25.1'
	@touch $$@

$(1)/has-package: $(1)/made $(SOURCES)
	@echo "make: building the package into $(1)"
	@$(1)/bin/python -m pip install -q --no-deps --force-reinstall .
	@touch $$@

$(1)/has-%: $(1)/made pyproject.toml
	@echo "make: installing what '$$*' needs into $(1)"
	@$(1)/bin/python -m pip install -q --group $$*
	@touch $$@

$(1)/has-bench-%: $(1)/made bench/%/requirements.txt
	@echo "make: installing what bench/$$* compares into $(1)"
	@$(1)/bin/python -m pip install -q -r bench/$$*/requirements.txt
	@touch $$@
endef

.venv/has-bench: .venv/made bench/requirements.txt
	@echo "make: installing what 'bench' needs into .venv"
	@$(BIN)/python -m pip install -q -r bench/requirements.txt
	@touch $@

$(eval $(call environment,.venv,command -v $(PYTHON)))
$(foreach version,$(VERSIONS),$(eval \
    $(call environment,.venv-$(version),$(PYTHON) tools/pythons.py $(version))))

# build/floats-3.x: the package again, whose shoal.flat has the interpreter's floats.
define python_floats # VERSION
build/floats-$(1)/has-package: .venv-$(1)/has-test $(SOURCES)
	@echo "make: building the package with -Dfloats=python into build/floats-$(1)"
	@rm -rf build/floats-$(1)
	@.venv-$(1)/bin/python -m pip install -q --no-deps --target build/floats-$(1) \
	    -Csetup-args=-Dfloats=python .
	@touch $$@
endef

$(foreach version,$(VERSIONS),$(eval $(call python_floats,$(version))))

# ---- The C tests ------------------------------------------------------------
# tests: as released. address, thread: under a sanitizer, static library only.

test-builds: build/tests/build.ninja build/address/build.ninja build/thread/build.ninja

define meson_build # NAME, OPTIONS
build/$(1)/build.ninja: | .venv/has-build
	@echo "make: configuring build/$(1)"
	@log=`$(MESON) setup build/$(1) -Dtests=true -Dpython=false $(2) 2>&1` \
	    || { echo "$$$$log"; exit 1; }
endef

SANITIZED := -Dbuildtype=debugoptimized -Db_lundef=false
$(eval $(call meson_build,tests,))
$(eval $(call meson_build,arm64,--cross-file build/arm64.ini))
$(eval $(call meson_build,musl,--native-file build/musl.ini))
$(eval $(call meson_build,address,$(SANITIZED) -Db_sanitize=address$(,)undefined))
$(eval $(call meson_build,thread,$(SANITIZED) -Db_sanitize=thread))
