# Everything that CI does, one target each. Tools come from the virtual environment.
BIN := .venv/bin
SOURCES := nps_connect plugins tests docs benchmarks conftest.py

.PHONY: all setup format lint types imports docs test trace bench torture crawl fuzz texts screenshots api-contract mcp-attack bounce-corpus themes real-mail score-alarms problem-simulation constraints

all: format lint types imports docs test

setup:
	python3 -m venv .venv
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]' -e plugins/hubspot -e plugins/zendesk -e plugins/google_reviews

format:
	$(BIN)/ruff format $(SOURCES)

lint:
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/codespell

types:
	$(BIN)/mypy

imports:
	$(BIN)/lint-imports --no-logo

docs:
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --strict --quiet

test:
	$(BIN)/pytest

# Brings the catalogues up to date; then translate what is new in the .po files, and run it again.
LOCALE := nps_connect/rendering/locale
EXTRACT := $(BIN)/pybabel -q extract -F nps_connect/rendering/babel.cfg --no-location --sort-output --width=120 -o $(LOCALE)/messages.pot
UPDATE := --width=120 --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date -i $(LOCALE)/messages.pot -d $(LOCALE)
texts:
	$(EXTRACT) nps_connect/rendering nps_connect/web
	$(BIN)/pybabel -q update -D nps_connect $(UPDATE)
	$(EXTRACT) nps_connect/web/console nps_connect/web/templates/console
	$(BIN)/pybabel -q update -D console $(UPDATE)
	rm $(LOCALE)/messages.pot
	$(BIN)/pybabel -q compile -D nps_connect -d $(LOCALE)
	$(BIN)/pybabel -q compile -D console -d $(LOCALE)

# The pictures of docs/console.md, from the browser walk.
SCREENSHOTS := overview-en-desktop explore-en-desktop
screenshots:
	$(BIN)/pytest -n0 -q tests/browser/test_console.py -k "overview or explore"
	for name in $(SCREENSHOTS); do cp artifacts/browser/console-$$name.png docs/assets/console-$$name.png; done

# The packages, files and functions that one item passes through; ITEM='write_score' lists them.
trace:
	PYTHONPATH=tests $(BIN)/python -m support.package_trace $(if $(ITEM),'$(ITEM)')

bench:
	$(BIN)/python -m benchmarks --write

# Kills, freezes and starves the product for up to 30 minutes and writes docs/torture.md. As root and with libfaketime:
# else the rounds with a full file system and with wrong clocks are skipped, and the page says so.
torture:
	$(BIN)/python tests/acceptance/torture.py

# Opens every link of a thousand mails in a browser, for hours perhaps, and writes docs/crawl.md.
crawl:
	$(BIN)/python tests/browser/crawl.py

# Sends a hundred thousand hostile requests to a server process, for 14 minutes at most, and writes docs/fuzz.md.
fuzz:
	PYTHONPATH=tests $(BIN)/python -m support.request_fuzzer

# Compares the API with its OpenAPI document by thousands of generated requests, for about 20 minutes.
api-contract:
	PYTHONPATH=tests $(BIN)/python -m support.api_contract

# A scripted assistant that obeys 500 hostile comments, with every tool; takes some minutes.
mcp-attack:
	PYTHONPATH=tests $(BIN)/python -m support.assistant_attack

# Reads the public corpus of bounces in CORPUS, a folder with clones of set-of-emails and p5-sisimai, and writes
# docs/bounce-corpus.md.
bounce-corpus:
	PYTHONPATH=tests $(BIN)/python -m support.bounce_corpus $(CORPUS) --write

# Measures the themes of comments on the labelled comments in tests/data/themes, and writes docs/theme-results.md.
themes:
	PYTHONPATH=tests $(BIN)/python -m support.theme_corpus --write

# Runs the product against a real Postfix and Dovecot on loopback, as root, and writes docs/real-mail.md.
real-mail:
	PYTHONPATH=tests $(BIN)/python -m support.real_mail

# Judges fixes in thousands of invented worlds, for a minute, and writes docs/problem-simulation.md.
problem-simulation:
	PYTHONPATH=tests $(BIN)/python -m support.problem_simulation

# After a change of dependencies, in a fresh virtual environment.
constraints:
	$(BIN)/pip freeze --exclude-editable | grep -v '^nps-connect' > constraints.txt

# Simulates two years of unchanged scores, and of drops, with fixed seeds, and writes docs/score-alarms.md.
score-alarms:
	PYTHONPATH=tests $(BIN)/python -m support.score_alarm_simulation
