# SPDX-License-Identifier: Apache-2.0
"""The tests of Holdfast: unit, property, vectors, attack, e2e, architecture."""
