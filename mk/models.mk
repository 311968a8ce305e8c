# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The models: SPIN on the protocols, CBMC on the arithmetic. test/models/README.md tells what they are.

.PHONY: check-models check-models-long
# MODELS_ARGS: see test/models/run.py --help, for example MODELS_ARGS='--only gate --table'.
MODELS_ARGS ?=
check-models: $(O)/simtest ## models of the lock, the interrupt and the gate; proofs of the arithmetic
	@python3 test/models/run.py --simtest $(O)/simtest --work $(O)/models --out $(RESULTS)/models.json \
		$(MODELS_ARGS)

check-models-long: $(O)/simtest
	@python3 test/models/run.py --simtest $(O)/simtest --work $(O)/models --long \
		--out $(RESULTS)/models-long.json $(MODELS_ARGS)
