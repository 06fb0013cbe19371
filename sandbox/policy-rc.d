#!/bin/sh
# duet: no service starts while the sandbox's packages are installed
exit 101
