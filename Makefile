.PHONY: install test lint types demo

install:
	pip install -c constraints.txt -e '.[test]'

test:
	pytest

lint:
	ruff check . && ruff format --check .

types:
	pyright

demo:
	lift3d demo
