# bench/rules.mk: the benchmark; part of the Makefile. bench/bench.sh says
# what can be set. Leaves bench/bench.csv and bench/bench.svg.
BENCH = bench bench_limits bench_times bench_load bench_fan bench_fill \
	bench_wire

bench: all $(OBJ)/benchmark
	@OUT='$(OUT)' bench/bench.sh

$(OBJ)/%.o: bench/%.c | $(OBJ)/deps.ok
	$(COMPILE) -c -o $@ $<

$(OBJ)/benchmark: $(BENCH:%=$(OBJ)/%.o) $(OBJ)/recado.a
	$(LINK) -o $@ $^ $(ZMQ_LIBS)

# Built with the tests, so that it does not rot between two measurements.
everything: $(OBJ)/benchmark

.PHONY: bench
