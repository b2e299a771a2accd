# SPDX-License-Identifier: Apache-2.0
"""Databases behind :class:`holdfast.control.store.Store`: one file a kind, none knows another."""
