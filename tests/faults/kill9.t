#!/bin/sh
# The kill -9 test for longer than in make check: make check-crash N=1000.
N=${N:-100} exec tests/clients/180-kill9.t
