# Two commands for newcomers, `make demo` and `make test`; `make` alone lists the rest. GNU Make 3.81 or later.
EXTRA := $(shell nvidia-smi -L >/dev/null 2>&1 && echo cuda || echo cpu)
UV := $(shell command -v uv)
PYTHON ?= $(shell for p in python3 $(addprefix python,$(shell sed -n 's/^pythons = //p' settings.ini)); do \
	$$p -c 'import $(if $(UV),,ensurepip,) sys; sys.exit(sys.version_info < (3,10))' 2>/dev/null && echo $$p && break; done)
INSTALL = $(if $(UV),uv pip install -q --python .venv,.venv/bin/python -m pip install -q --disable-pip-version-check) -e
export PATH := $(CURDIR)/.venv/bin:$(PATH)
.PHONY: help demo test docs lab clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' Makefile

demo: .venv/ready  ## train a small model, then chat with it (less than ten minutes)
	@.venv/bin/mlxchat demo

test: .venv/ready-dev  ## run all notebooks as tests; NB=nbs/00_model.ipynb runs one
	@.venv/bin/python .ci/test.py $(NB)

docs: .venv/ready-dev  ## build the site into _docs/ and README.md, then check every link
	@.venv/bin/python .ci/site.py && .venv/bin/python .ci/links.py

lab: .venv/ready-dev  ## open the notebooks in JupyterLab
	@echo "Starting JupyterLab in the browser, or at the address below; Ctrl-C twice ends it"
	@cd nbs && ../.venv/bin/jupyter lab $$(test "$$(id -u)" != 0 || echo --allow-root)

clean:  ## remove .venv and all built here; ~/.cache/mlxchat stays
	@rm -rf .venv _docs _proc _site .quarto build dist release *.egg-info nbs/.last_checked
	@find . \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

.venv/bin/python:
	@test -n "$(PYTHON)$(UV)" || { echo "mlxchat needs Python 3.10 or later: install it, or name it with PYTHON=..."; \
		echo "(on Debian and Ubuntu also: sudo apt install python3-venv)"; exit 1; }
	@echo "Making .venv, a Python environment of its own"
	@rm -rf .venv && $(if $(UV),uv venv -q --python "$(or $(PYTHON),>=3.10)" .venv,$(PYTHON) -m venv .venv)

.venv/ready: settings.ini setup.py | .venv/bin/python
	@echo "Installing mlxchat into .venv (once, a minute or two)"
	@test "$$(uname -s)" != Linux || command -v g++ >/dev/null || \
		echo "No C++ compiler: everything works, but slower (sudo apt install g++ helps)"
	@$(INSTALL) ".[$(EXTRA)]" && touch $@

.venv/ready-dev: .venv/ready
	@echo "Installing tools for tests and documentation (once, a few minutes)"
	@$(INSTALL) ".[$(EXTRA),dev]" && touch $@

# PyTorch and mlx-lm, for nbs/tests/parity.ipynb, which compares with them; without them that page says that it skipped
.venv/ready-torch: .venv/ready-dev
	@echo "Installing PyTorch for comparisons (once, some minutes)"
	@$(INSTALL) ".[$(EXTRA),dev,torch]" && touch $@
