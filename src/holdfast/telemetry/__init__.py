# SPDX-License-Identifier: Apache-2.0
"""What is said: events of plain values. It decides nothing and imports nothing of the other rooms."""
