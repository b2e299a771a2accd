# SPDX-License-Identifier: Apache-2.0
"""What Holdfast costs: one script a subject, and the targets that each is held against. ``make bench`` runs all."""
