# SPDX-License-Identifier: Apache-2.0
"""The cases, one module a chapter. Each expectation is written by hand from ``spec/``; none is computed."""
