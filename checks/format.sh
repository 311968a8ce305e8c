#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Every C file is laid out as .clang-format says.
exec scripts/format.sh
