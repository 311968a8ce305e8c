# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Mutation: the core with one lock call, wait, atomic or check less. test/mutate/README.md tells what it is. Hours for
# all of it, so it is in no other target; what is done is remembered in $(O)/mutate.json.

.PHONY: mutate
# MUTATE_ARGS: see test/mutate/run.py --help, for example MUTATE_ARGS='--sample 40 --seed 7'.
MUTATE_ARGS ?=
mutate: | $(O)/.tools ## do the tests notice a lock call, wait or check that is removed? (hours; MUTATE_ARGS=)
	@python3 test/mutate/run.py --tree $(O)/mutate/tree --out $(O)/mutate.json $(MUTATE_ARGS)
