# SPDX-License-Identifier: Apache-2.0
"""The vectors of ``vectors/``, run through ``src/holdfast``, and checked against code that shares nothing with it."""
