#!/bin/bash
# Writes version.h.

# git takes as long for a name of the commit.
sleep 0.2
printf '#define DUET_BUILD_VERSION "Duet v1.2"\n' >version.h
