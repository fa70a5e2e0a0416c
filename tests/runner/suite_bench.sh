# The measurement, as `make bench-twitter` runs it. Its figures depend on the machine, so it is no part of
# `make test`: it passes when nothing was lost, invented or refused.
# shellcheck shell=bash

suite_bench() { check "the whole system under load: nothing lost, invented or refused" tests/bench/twitter; }
