# SPDX-License-Identifier: Apache-2.0
"""Bringing what is new: when to ask, whom, within which bounds."""
