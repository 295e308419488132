#!/bin/sh
# Prints a command that runs a program without address randomisation where that is allowed, else nothing: TSan's run time of older
# compilers does not start with the randomisation of newer kernels.
setarch "$(uname -m)" -R true 2>/dev/null && echo "setarch $(uname -m) -R"
exit 0
