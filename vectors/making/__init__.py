# SPDX-License-Identifier: Apache-2.0
"""How material for vectors is made: keys from names, DER by hand, role files by hand. Nothing here imports holdfast."""
