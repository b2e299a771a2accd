# SPDX-License-Identifier: Apache-2.0
"""Tests of the house: its floors, its types, its weight, its documents and its own test rules."""
