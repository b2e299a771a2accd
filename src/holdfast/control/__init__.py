# SPDX-License-Identifier: Apache-2.0
"""The control plane: what is protected, with which keys, and who signed it; ``service`` is its one door."""
