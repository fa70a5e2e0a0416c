# The stack itself: what `make up` promises. The cases lie in tests/stack/.
# shellcheck shell=bash

suite_stack() {
    # shellcheck source=tests/stack/cases.sh
    source "$PWD/tests/stack/cases.sh"
    stack_cases
}
