# SPDX-License-Identifier: Apache-2.0
"""Conformance vectors: committed JSON that every SDK runs, and the generator that writes it."""
